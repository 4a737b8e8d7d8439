"""Typed reading of a JSON document: a key that is absent or null gives None; a value of another type is Invalid."""

from __future__ import annotations

from collections.abc import Mapping

from weft.domain.errors import Invalid
from weft.domain.json_values import JsonObject, JsonValue

_KINDS: Mapping[type, str] = {
    str: "a string",
    bool: "a boolean",
    int: "a number",
    float: "a number",
    dict: "an object",
    list: "an array",
    type(None): "null",
}
_MAX_SHOWN = 120
_MAX_DEPTH = 64
_MAX_NODES = 200_000


def kind_of(value: object) -> str:
    """The value's type in JSON: ``a string``, ``an array``, …"""
    return _KINDS.get(type(value), type(value).__name__)


_WORDS: Mapping[object, str] = {None: "null", True: "true", False: "false"}


def shorten(value: object) -> str:
    """The value as JSON spells it, for a message, cut at 120 characters; only the type of an object or array."""
    if isinstance(value, Mapping | list):
        text = kind_of(value)
    else:
        text = _WORDS[value] if value is None or isinstance(value, bool) else str(value)
    return text if len(text) <= _MAX_SHOWN else f"{text[:_MAX_SHOWN]}…"


def _refuse(key: str, where: str, expected: str, value: object) -> Invalid:
    return Invalid(f"{where}: {key} must be {expected}, not {kind_of(value)}")


def string(document: JsonObject, key: str, where: str) -> str | None:
    value = document.get(key)
    if value is None or isinstance(value, str):
        return value
    raise _refuse(key, where, "a string", value)


def boolean(document: JsonObject, key: str, where: str) -> bool | None:
    value = document.get(key)
    if value is None or isinstance(value, bool):
        return value
    raise _refuse(key, where, "true or false", value)


def integer(document: JsonObject, key: str, where: str) -> int | None:
    """An integer of 64 bits; an integral float such as 1e12 counts as one."""
    value = document.get(key)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _refuse(key, where, "an integer", value)
    if isinstance(value, float):
        if not value.is_integer():
            raise Invalid(f"{where}: {key} must be an integer, not {value}")
        value = int(value)
    if not -(2**63) <= value < 2**63:
        raise Invalid(f"{where}: {key} must fit in 64 bits, but {shorten(value)} does not")
    return value


def number(document: JsonObject, key: str, where: str) -> float | None:
    value = document.get(key)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _refuse(key, where, "a number", value)
    return value


def object_(document: JsonObject, key: str, where: str) -> JsonObject | None:
    value = document.get(key)
    if value is None or isinstance(value, Mapping):
        return value
    raise _refuse(key, where, "an object", value)


def array(document: JsonObject, key: str, where: str) -> list[JsonValue] | None:
    value = document.get(key)
    if value is None or isinstance(value, list):
        return value
    raise _refuse(key, where, "an array", value)


def strings(document: JsonObject, key: str, where: str) -> list[str] | None:
    """An array of strings."""
    given = array(document, key, where)
    if given is None:
        return None
    found: list[str] = []
    for item in given:
        if not isinstance(item, str):
            raise Invalid(f"{where}: {key} must be an array of strings, but one of them is {kind_of(item)}")
        found.append(item)
    return found


def objects(document: JsonObject, key: str, where: str) -> list[JsonObject] | None:
    """An array of objects."""
    given = array(document, key, where)
    if given is None:
        return None
    found: list[JsonObject] = []
    for item in given:
        if not isinstance(item, Mapping):
            raise Invalid(f"{where}: {key} must be an array of objects, but one of them is {kind_of(item)}")
        found.append(item)
    return found


def check_size(value: object, what: str) -> None:
    """Raises Invalid for JSON of more than 64 levels or 200,000 values; ``what`` begins the message."""
    nodes = 0
    level: list[object] = [value]
    for _ in range(_MAX_DEPTH):
        nodes += len(level)
        if nodes > _MAX_NODES:
            raise Invalid(f"{what} has more than {_MAX_NODES} values; make it smaller")
        below: list[object] = []
        for one in level:
            if isinstance(one, Mapping):
                below.extend(one.values())
            elif isinstance(one, list):
                below.extend(one)
        if not below:
            return
        level = below
    raise Invalid(f"{what} is nested deeper than {_MAX_DEPTH} levels; flatten it")
