"""The form in which an object is compared: what two places keep of it, without how each of them writes it.

Dates are instants, numbers are floats, references are the uuids that they lead to, coordinates are float32 as Weaviate
keeps them, and a telephone number is its international form.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, TypeAlias
from uuid import UUID

import numpy as np
import numpy.typing as npt
import orjson

from weft.cli.move.objects import MovedObject, data_types, is_reference, properties_of
from weft.domain import instants
from weft.domain.errors import Invalid
from weft.domain.json_values import JsonObject, JsonValue

_Convert: TypeAlias = Callable[[JsonValue], JsonValue]
DIGEST_BYTES: Final = 16


@dataclass(frozen=True, slots=True)
class ComparedObject:
    """``times``: of creation and of the last change, None where they are not compared. ``vectors`` by name."""

    uuid: bytes
    times: tuple[int, int] | None
    properties: Mapping[str, JsonValue]
    vectors: Mapping[str, npt.NDArray[np.float32]]

    def digest(self) -> bytes:
        """16 bytes, equal for equal forms."""
        content = hashlib.blake2b(self.uuid, digest_size=DIGEST_BYTES)
        content.update(orjson.dumps([self.times, self.properties], option=orjson.OPT_SORT_KEYS))
        for name, vector in sorted(self.vectors.items()):
            content.update(orjson.dumps([name, vector.shape]))
            content.update(vector.tobytes())
        return content.digest()


class Forms:
    """Of the objects of one collection, by its document. ``times``: whether both places keep them."""

    def __init__(self, document: JsonObject, *, times: bool) -> None:
        self._times = times
        self._converts = _converts(properties_of(document))

    def of(self, one: MovedObject) -> ComparedObject:
        properties = {
            name: self._converts[name](value) if name in self._converts else value
            for name, value in one.properties.items()
            if value is not None
        }
        vectors = {name: np.asarray(vector, "<f4") for name, vector in one.vectors.items()}
        times = (one.created_ms, one.updated_ms) if self._times else None
        return ComparedObject(UUID(one.uuid).bytes, times, properties, vectors)


def _converts(properties: list[JsonObject]) -> dict[str, _Convert]:
    found: dict[str, _Convert] = {}
    for one in properties:
        convert = _uuids_of if is_reference(one) else _convert(data_types(one)[0].removesuffix("[]"), one)
        if convert is not None:
            found[str(one["name"])] = convert if is_reference(one) else _each(convert)
    return found


def _convert(data_type: str, property: JsonObject) -> _Convert | None:
    match data_type:
        case "number":
            return _number
        case "int":
            return _whole
        case "date":
            return _instant
        case "uuid":
            return _lower
        case "geoCoordinates":
            return _coordinates
        case "phoneNumber":
            return _phone
        case "object":
            nested = property.get("nestedProperties")
            inner = _converts([one for one in nested if isinstance(one, dict)] if isinstance(nested, list) else [])
            return lambda value: _object(value, inner)
    return None


def _each(convert: _Convert) -> _Convert:
    return lambda value: [convert(one) for one in value] if isinstance(value, list) else convert(value)


def _number(value: JsonValue) -> JsonValue:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else value


def _whole(value: JsonValue) -> JsonValue:
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _instant(value: JsonValue) -> JsonValue:
    try:
        return instants.nanoseconds(value) if isinstance(value, str) else value
    except Invalid:  # the place took it, so it is compared as it is
        return value


def _lower(value: JsonValue) -> JsonValue:
    return value.lower() if isinstance(value, str) else value


def _coordinates(value: JsonValue) -> JsonValue:
    if not isinstance(value, dict):
        return value
    return [float(np.float32(value.get(key) or 0)) for key in ("latitude", "longitude")]


def _phone(value: JsonValue) -> JsonValue:
    if not isinstance(value, dict):
        return value
    return value.get("internationalFormatted") or value.get("input")


def _object(value: JsonValue, inner: Mapping[str, _Convert]) -> JsonValue:
    if not isinstance(value, dict):
        return value
    return {name: inner[name](one) if name in inner else one for name, one in sorted(value.items()) if one is not None}


def _uuids_of(value: JsonValue) -> JsonValue:
    if not isinstance(value, list):
        return value
    return [str(one.get("beacon")).rpartition("/")[2] for one in value if isinstance(one, dict)]
