"""Bytes to JSON values, and a value that has to be an object or an array."""

from __future__ import annotations

from collections.abc import Mapping

import orjson

from weft.domain.errors import CallerError, Invalid
from weft.domain.json_fields import kind_of
from weft.domain.json_values import JsonObject, JsonValue


def parse(data: bytes) -> JsonValue:
    """The JSON value; raises CallerError for anything else, also for more than 1,024 levels of nesting."""
    if not data:
        raise CallerError("the request has no body; send JSON")
    try:
        value: JsonValue = orjson.loads(data)
    except orjson.JSONDecodeError as error:
        raise CallerError(f"the body is not valid JSON: {error}") from None
    return value


def as_object(value: JsonValue, what: str = "the body") -> JsonObject:
    if isinstance(value, Mapping):
        return value
    raise Invalid(f"{what} must be a JSON object, not {kind_of(value)}")


def as_list(value: JsonValue, what: str = "the body") -> list[JsonValue]:
    if isinstance(value, list):
        return value
    raise Invalid(f"{what} must be a JSON array, not {kind_of(value)}")
