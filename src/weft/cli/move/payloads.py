"""Payloads without a schema, as properties with types: of a sample of them, and of what a place says of its fields.

A key becomes a property by the type of its values; a name that no property may have is mended. A value that does not
fit its property, and a key that the sample lacks, are kept too: as JSON, in one property that is not indexed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final, TypeAlias
from uuid import UUID

import orjson

from weft.cli.move.objects import Notes
from weft.domain import instants
from weft.domain.errors import Invalid
from weft.domain.json_values import JsonValue

SAMPLED: Final = 2_000
"""Objects whose types of values become those of properties."""

UNMAPPED: Final = "unmapped"
ORIGINAL_ID: Final = "original_id"
_RESERVED: Final = frozenset({"id", "vector", "vectors", "additional", UNMAPPED, ORIGINAL_ID})
_EMPTY, _JSON = "[]", "json"
_INT64: Final = 1 << 63

Hints: TypeAlias = Mapping[str, str]
"""By key: ``date``, ``uuid``, ``keyword`` or ``text``, of strings whose place says what they are."""


@dataclass(slots=True)
class _PayloadKey:
    """A key: the name and type of its property; ``inner``, by key, of an object."""

    name: str
    kind: str | None = None
    inner: dict[str, _PayloadKey] = field(default_factory=dict)


def class_name(name: str, source_name: str, notes: Notes) -> str:
    """``name`` as a collection of Weaviate's protocol may have it."""
    found = re.sub(r"[^_0-9A-Za-z]", "_", name)
    found = found[:1].upper() + found[1:] if found[:1].isalpha() else f"C_{found}"
    if found != source_name:
        notes.mapped.append(f"{source_name} is named {found} in the target")
    return found


def describe(mapped: PayloadMap, notes: Notes) -> None:
    """How the keys are mapped."""
    if mended := mapped.mended:
        names = ", ".join(f"{key} → {name}" for key, name in sorted(mended.items()))
        notes.mapped.append(f"keys that no property can have as a name: {names}")
    if mapped.as_json:
        notes.mapped.append(f"keys with values of several types, kept as JSON: {', '.join(sorted(mapped.as_json))}")
    notes.mapped.append(
        f"types are those of the first {SAMPLED:,} objects; what does not fit them is kept in the property unmapped"
    )


class PayloadMap:
    """A key without a value has no property. ``mended``: names of properties by keys, where they differ."""

    def __init__(self, payloads: Iterable[Mapping[str, Any]], hints: Hints) -> None:
        self._hints = hints
        self._nodes: dict[str, _PayloadKey] = {}
        for payload in payloads:
            _learn(self._nodes, payload)
        for key, hint in hints.items():
            node = self._nodes.setdefault(key, _PayloadKey(_free_name(key, self._nodes), "text"))
            if hint in ("date", "uuid") and node.kind in ("text", "text[]"):
                node.kind = node.kind.replace("text", hint)

    @property
    def mended(self) -> dict[str, str]:
        return {key: node.name for key, node in self._nodes.items() if node.kind is not None and node.name != key}

    @property
    def as_json(self) -> list[str]:
        """The keys whose values have several types, and are kept as JSON."""
        return [key for key, node in self._nodes.items() if node.kind == _JSON]

    def name_of(self, key: str) -> str:
        return self._nodes[key].name

    def key_of(self, name: str) -> str:
        return next((key for key, node in self._nodes.items() if node.name == name), name)

    def properties(self) -> list[JsonValue]:
        found = [self._property(key, node) for key, node in self._nodes.items() if node.kind is not None]
        unmapped: JsonValue = {
            "name": UNMAPPED,
            "dataType": ["text"],
            "description": "JSON of what has no property of its own",
            "indexFilterable": False,
            "indexSearchable": False,
        }
        return [*found, unmapped]

    def _property(self, key: str, node: _PayloadKey) -> JsonValue:
        document = _document(node)
        if node.kind in ("text", "text[]"):
            document["tokenization"] = "field" if self._hints.get(key) == "keyword" else "word"
        return document

    def convert(self, payload: Mapping[str, Any]) -> dict[str, JsonValue]:
        properties: dict[str, JsonValue] = {}
        rest: dict[str, Any] = {}
        for key, value in payload.items():
            if value is None:
                continue
            node = self._nodes.get(key)
            try:
                properties[_named(node)] = _converted(value, node)
            except _UnfitError:
                rest[key] = value
        if rest:
            properties[UNMAPPED] = orjson.dumps(rest, default=str, option=orjson.OPT_NON_STR_KEYS).decode()
        return properties


def _learn(nodes: dict[str, _PayloadKey], payload: Mapping[str, Any]) -> None:
    for key, value in payload.items():
        node = nodes.get(key)
        if node is None:
            node = nodes[key] = _PayloadKey(_free_name(key, nodes))
        node.kind = _merged(node.kind, _kind(value))
        for one in value if isinstance(value, list) else [value]:
            if isinstance(one, dict) and node.kind in ("object", "object[]"):
                _learn(node.inner, one)


def _kind(value: Any) -> str | None:
    match value:
        case None:
            return None
        case bool():
            return "boolean"
        case int():
            return "int" if -_INT64 <= value < _INT64 else _JSON
        case float():
            return "number"
        case str():
            return "text"
        case dict():
            return "geoCoordinates" if _is_place(value) else "object" if value else _JSON
        case list():
            kinds = {"object" if kind == "geoCoordinates" else kind for kind in map(_kind, value)}
            if not kinds:
                return _EMPTY
            if kinds == {"int", "number"}:
                return "number[]"
            (only, *others) = kinds
            return _JSON if others or only is None or only.endswith("]") or only == _JSON else f"{only}[]"
    return _JSON


def _is_place(value: Mapping[str, Any]) -> bool:
    return value.keys() == {"lat", "lon"} and all(isinstance(one, int | float) for one in value.values())


def _merged(one: str | None, other: str | None) -> str | None:
    if one is None or other is None or one == other:
        return one or other
    kinds = {one, other}
    if kinds == {"int", "number"}:
        return "number"
    if kinds == {"int[]", "number[]"}:
        return "number[]"
    if _EMPTY in kinds:
        (full,) = kinds - {_EMPTY}
        return full if full.endswith("[]") else _JSON
    return "object" if kinds == {"geoCoordinates", "object"} else _JSON


def _free_name(key: str, nodes: Mapping[str, _PayloadKey]) -> str:
    """A name that a property may have, and no other key has."""
    name = re.sub(r"[^_0-9A-Za-z]", "_", key) or "_"
    if not re.match(r"_?[A-Za-z]", name):
        name = f"p_{name.lstrip('_')}"
    name = (name[0].lower() + name[1:])[:200]
    taken = {node.name for node in nodes.values()} | _RESERVED
    found, number = name, 2
    while found in taken:
        found, number = f"{name}_{number}", number + 1
    return found


def _document(node: _PayloadKey) -> dict[str, JsonValue]:
    kind = {_EMPTY: "text[]", _JSON: "text"}.get(str(node.kind), str(node.kind))
    document: dict[str, JsonValue] = {"name": node.name, "dataType": [kind]}
    if node.kind == _JSON:
        document |= {"indexFilterable": False, "indexSearchable": False}
    if kind.startswith("object"):
        document["nestedProperties"] = [_document(one) for one in node.inner.values() if one.kind is not None]
    return document


class _UnfitError(Exception):
    """A value that its property cannot hold."""


def _converted(value: Any, node: _PayloadKey | None) -> JsonValue:
    """Raises _UnfitError."""
    if node is None or node.kind is None:
        raise _UnfitError
    if node.kind == _JSON:
        return orjson.dumps(value, default=str, option=orjson.OPT_NON_STR_KEYS).decode()
    if not node.kind.endswith("[]"):
        return _single(value, node.kind, node)
    if not isinstance(value, list) or (node.kind == _EMPTY and value):
        raise _UnfitError
    return [_single(one, node.kind[:-2], node) for one in value]


def _single(value: Any, kind: str, node: _PayloadKey) -> JsonValue:
    match kind:
        case "boolean" if isinstance(value, bool):
            return value
        case "int" if isinstance(value, int) and not isinstance(value, bool) and -_INT64 <= value < _INT64:
            return value
        case "number" if isinstance(value, int | float) and not isinstance(value, bool):
            return float(value)
        case "text" if isinstance(value, str):
            return value
        case "date" if isinstance(value, str):
            return _date(value)
        case "uuid" if isinstance(value, str):
            return _uuid(value)
        case "geoCoordinates" if isinstance(value, dict) and _is_place(value):
            return {"latitude": value["lat"], "longitude": value["lon"]}
        case "object" if isinstance(value, dict):
            found = {key: one for key, one in value.items() if one is not None}
            return {_named(node.inner.get(key)): _converted(one, node.inner.get(key)) for key, one in found.items()}
    raise _UnfitError


def _named(node: _PayloadKey | None) -> str:
    if node is None:
        raise _UnfitError
    return node.name


def _date(text: str) -> str:
    """As RFC 3339; a date without a zone is of UTC."""
    try:
        instants.nanoseconds(text)
    except Invalid:
        try:
            found = datetime.fromisoformat(text)
        except ValueError:
            raise _UnfitError from None
        return (found if found.tzinfo else found.replace(tzinfo=UTC)).isoformat()
    return text


def _uuid(text: str) -> str:
    try:
        return str(UUID(text))
    except ValueError:
        raise _UnfitError from None
