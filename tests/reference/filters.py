"""What filters and sorting mean, over Python dicts: an evaluator, and the text index as dicts of sets."""

from __future__ import annotations

import fnmatch
import functools
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from pyroaring import BitMap

from weft.domain.filters import (
    CREATION_TIME,
    ID,
    UPDATE_TIME,
    And,
    Filter,
    Not,
    Operator,
    Or,
    PropertyTarget,
    ReferenceCount,
)
from weft.domain.objects import GeoPoint, Object, PhoneNumber, format_uuid
from weft.domain.query import Sort
from weft.domain.schema import CollectionConfig, DataType, InvertedConfig, Property, Tokenization

CONFIG = CollectionConfig(
    name="Things",
    properties=(
        Property("int", DataType.INT),
        Property("ints", DataType.INT_ARRAY),
        Property("number", DataType.NUMBER),
        Property("numbers", DataType.NUMBER_ARRAY),
        Property("flag", DataType.BOOLEAN),
        Property("flags", DataType.BOOLEAN_ARRAY),
        Property("date", DataType.DATE),
        Property("dates", DataType.DATE_ARRAY),
        Property("uid", DataType.UUID),
        Property("uids", DataType.UUID_ARRAY),
        Property("point", DataType.GEO),
        Property("text", DataType.TEXT, tokenization=Tokenization.WORD),
        Property("texts", DataType.TEXT_ARRAY, tokenization=Tokenization.WORD),
        Property("field", DataType.TEXT, tokenization=Tokenization.FIELD),
        Property("phone", DataType.PHONE),
        Property("ref", DataType.REFERENCE, target_collections=("Other",)),
    ),
    inverted=InvertedConfig(index_null_state=True, index_property_length=True, index_timestamps=True),
)
TYPES = {p.name: p.data_type for p in CONFIG.properties}
STOPWORDS = frozenset({"the", "a"})


class ReferenceTexts:
    """The text index as dicts of sets."""

    def __init__(self) -> None:
        self.tokens: dict[str, dict[str, set[int]]] = {}

    def add(self, doc_id: int, properties: dict[str, Any]) -> None:
        for name, value in properties.items():
            if TYPES[name].element is DataType.TEXT and value is not None:
                for text in [value] if isinstance(value, str) else value:
                    for token in self.analyze(name, text):
                        self.tokens.setdefault(name, {}).setdefault(token, set()).add(doc_id)

    def documents(self, property: str, token: str) -> BitMap:
        return BitMap(self.tokens.get(property, {}).get(token, ()))

    def matching(self, property: str, pattern: str) -> BitMap:
        return self._where(property, lambda token: fnmatch.fnmatchcase(token, pattern.lower()))

    def range(self, property: str, low: str | None, high: str | None, include_low: bool, include_high: bool) -> BitMap:
        def inside(token: str) -> bool:
            above = low is None or token > low or (include_low and token == low)
            return above and (high is None or token < high or (include_high and token == high))

        return self._where(property, inside)

    def analyze(self, property: str, text: str) -> list[str]:
        return tokens_of(property, text)

    def stopwords(self, property: str) -> Iterable[str]:
        return STOPWORDS

    def _where(self, property: str, test: Any) -> BitMap:
        found = [ids for token, ids in self.tokens.get(property, {}).items() if test(token)]
        return BitMap(set().union(*found))


def tokens_of(property: str, text: str) -> list[str]:
    if property == "field":
        return [text.strip()]
    return re.findall(r"[^\W_]+", text.lower())


def instant(text: str) -> int:
    """Nanoseconds since year 1, by another way than the index's."""
    whole, fraction, zone = re.fullmatch(r"([^.Z+]{19})(?:\.(\d+))?(Z|[+-]\d\d:\d\d)", text.replace(" ", "T")).groups()  # type: ignore[union-attr]
    clock = datetime.fromisoformat(whole)
    seconds = clock.toordinal() * 86_400 + clock.hour * 3600 + clock.minute * 60 + clock.second
    if zone != "Z":
        offset = int(zone[1:3]) * 3600 + int(zone[4:6]) * 60
        seconds -= offset if zone[0] == "+" else -offset
    return seconds * 10**9 + int((fraction or "0").ljust(9, "0"))


def comparable(data_type: DataType, value: Any) -> Any:
    if data_type is DataType.DATE:
        return instant(value)
    if data_type is DataType.UUID:
        return UUID(value).bytes
    return value


def compare(operator: Operator, left: Any, right: Any) -> bool:
    return bool(
        {
            Operator.EQUAL: left == right,
            Operator.GREATER_THAN: left > right,
            Operator.GREATER_THAN_EQUAL: left >= right,
            Operator.LESS_THAN: left < right,
            Operator.LESS_THAN_EQUAL: left <= right,
        }[operator]
    )


def holds(filter: Filter, obj: Object) -> bool:
    if isinstance(filter, And):
        return all(holds(f, obj) for f in filter.operands)
    if isinstance(filter, Or):
        return any(holds(f, obj) for f in filter.operands)
    if isinstance(filter, Not):
        return not holds(filter.operand, obj)
    target, operator, value = filter.target, filter.operator, filter.value
    name = target.property
    if isinstance(target, ReferenceCount) or (
        TYPES.get(name) is DataType.REFERENCE and operator is not Operator.IS_NULL
    ):
        return numeric(operator, [len(obj.properties.get(name) or [])], value)
    if name == ID:
        if operator is Operator.LIKE:
            return fnmatch.fnmatchcase(format_uuid(obj.uuid), str(value))
        return on_values(operator, DataType.TEXT, [format_uuid(obj.uuid)], value)
    if name in (CREATION_TIME, UPDATE_TIME):
        return numeric(operator, [obj.created_ms if name == CREATION_TIME else obj.updated_ms], int(value))  # type: ignore[arg-type]
    stored = obj.properties.get(name)
    if operator is Operator.IS_NULL:
        return (stored is None or stored in ("", [])) == value
    if isinstance(target, PropertyTarget) and target.length:
        return numeric(operator, [0 if stored is None else len(stored)], value)
    elements = [] if stored is None else stored if isinstance(stored, list) else [stored]
    if operator is Operator.WITHIN_GEO_RANGE:
        return any(haversine(p, value) <= value.distance_m for p in elements)  # type: ignore[union-attr]
    if TYPES[name].element is DataType.TEXT:
        return on_tokens(operator, name, {t for e in elements for t in tokens_of(name, e)}, value)
    return on_values(operator, TYPES[name].element, elements, value)


def numeric(operator: Operator, elements: list[int], value: Any) -> bool:
    if operator is Operator.NOT_EQUAL:
        return value not in elements
    return any(compare(operator, e, value) for e in elements)


def on_values(operator: Operator, data_type: DataType, elements: list[Any], value: Any) -> bool:
    stored = [comparable(data_type, e) for e in elements]
    if operator in (Operator.CONTAINS_ANY, Operator.CONTAINS_ALL, Operator.CONTAINS_NONE):
        wanted = [comparable(data_type, v) for v in value]
        if operator is Operator.CONTAINS_ALL:
            return bool(wanted) and all(w in stored for w in wanted)
        return any(w in stored for w in wanted) == (operator is Operator.CONTAINS_ANY)
    if operator is Operator.NOT_EQUAL:
        return comparable(data_type, value) not in stored
    return any(compare(operator, e, comparable(data_type, value)) for e in stored)


def on_tokens(operator: Operator, name: str, stored: set[str], value: Any) -> bool:
    def query(text: str) -> list[str]:
        return [t for t in tokens_of(name, text) if name == "field" or t not in STOPWORDS]

    if operator is Operator.LIKE:
        return any(fnmatch.fnmatchcase(t, value.lower()) for t in stored)
    if operator in (Operator.CONTAINS_ANY, Operator.CONTAINS_ALL, Operator.CONTAINS_NONE):
        each = [all(t in stored for t in query(v)) for v in value if query(v)]
        if operator is Operator.CONTAINS_ALL:
            return bool(each) and all(each)
        return any(each) == (operator is Operator.CONTAINS_ANY)
    if operator is Operator.NOT_EQUAL:
        return all(t not in stored for t in query(value))
    return all(any(compare(operator, s, t) for s in stored) for t in query(value))


def haversine(point: GeoPoint, area: Any) -> float:
    a, b = math.radians(point.latitude), math.radians(area.latitude)
    across = math.sin((b - a) / 2) ** 2
    along = math.cos(a) * math.cos(b) * math.sin(math.radians(area.longitude - point.longitude) / 2) ** 2
    return 2 * 6_371_000 * math.asin(math.sqrt(min(1.0, across + along)))


def in_order(data_type: DataType, value: Any) -> Any:
    """What sorting compares: filters tell upper from lower case, sorting does not."""
    if data_type is DataType.TEXT:
        return [ord(letter.lower()[0]) for letter in value]
    return comparable(data_type, value)


def sorted_by_keys(stored: Mapping[int, Object], doc_ids: Iterable[int], keys: Sequence[Sort]) -> list[int]:
    """Ties by uuid."""

    def value(doc_id: int, path: str) -> Any:
        obj = stored[doc_id]
        if path in (ID, CREATION_TIME, UPDATE_TIME):
            return {ID: obj.uuid, CREATION_TIME: obj.created_ms, UPDATE_TIME: obj.updated_ms}[path]
        found = obj.properties.get(path)
        if found is None or found == []:
            return None
        if isinstance(found, GeoPoint):
            return (found.longitude, found.latitude)
        if isinstance(found, PhoneNumber):
            return (found.country_code, found.national)
        if isinstance(found, list):
            return [in_order(TYPES[path].element, v) for v in found]
        return in_order(TYPES[path].element, found)

    def order(a: int, b: int) -> int:
        for key in keys:
            left, right = value(a, key.path), value(b, key.path)
            if left == right:
                continue
            less = left is None or (right is not None and left < right)
            return -1 if less == key.ascending else 1
        return -1 if (stored[a].uuid, a) < (stored[b].uuid, b) else 1

    return sorted(doc_ids, key=functools.cmp_to_key(order))
