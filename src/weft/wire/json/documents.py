"""Bytes to JSON values, and a value that has to be an object or an array.

Text that is not Unicode is repaired, not refused: half a surrogate pair, as JavaScript and Python write an emoji that
was cut in two, and each byte that is not UTF-8 become U+FFFD.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Mapping

import orjson

from weft.domain.errors import CallerError
from weft.domain.json_fields import kind_of
from weft.domain.json_values import JsonObject, JsonValue

_REPLACEMENT = "\ufffd"
_EACH_BYTE = "weft.each_byte"
"""Python's own ``replace`` makes one character of several bytes; Weaviate makes one of each."""
_ESCAPES = re.compile(
    r"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}"  # a pair
    r"|(\\u[dD][89a-fA-F][0-9a-fA-F]{2})"  # half of one
    r"|\\.",
    re.DOTALL,
)


class Unreadable(CallerError):
    """A body that is not JSON, or has a value of another JSON type than the protocol's description of the request."""


def parse(data: bytes) -> JsonValue:
    """The JSON value; raises Unreadable for anything else, also for more than 1,024 levels of nesting."""
    if not data:
        raise Unreadable("the request has no body; send JSON")
    try:
        value: JsonValue = orjson.loads(data)
    except orjson.JSONDecodeError as error:
        try:
            value = orjson.loads(_repaired(data) if "surrogate" in error.msg else data)
        except orjson.JSONDecodeError:
            raise Unreadable(f"the body is not valid JSON: {error}") from None
    return value


def _repaired(data: bytes) -> str:
    """The text of JSON with U+FFFD for all that is not Unicode."""
    text = data.decode(errors=_EACH_BYTE)
    return _ESCAPES.sub(lambda found: _REPLACEMENT if found[1] else found[0], text)


def _replaced(error: UnicodeError) -> tuple[str, int]:
    assert isinstance(error, UnicodeDecodeError)
    return _REPLACEMENT * (error.end - error.start), error.end


codecs.register_error(_EACH_BYTE, _replaced)


def as_object(value: JsonValue, what: str = "the body") -> JsonObject:
    if isinstance(value, Mapping):
        return value
    raise Unreadable(f"{what} must be a JSON object, not {kind_of(value)}")


def as_list(value: JsonValue, what: str = "the body") -> list[JsonValue]:
    if isinstance(value, list):
        return value
    raise Unreadable(f"{what} must be a JSON array, not {kind_of(value)}")
