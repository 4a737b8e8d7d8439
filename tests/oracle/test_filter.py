"""The filter index against a plain evaluator over Python dicts, through adds, updates, deletes and reopening."""

from __future__ import annotations

import fnmatch
import functools
import math
import re
import tempfile
from collections.abc import Iterable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyroaring import BitMap

from weft.domain.filters import (
    CREATION_TIME,
    ID,
    UPDATE_TIME,
    And,
    Condition,
    Filter,
    GeoRange,
    Not,
    Operator,
    Or,
    PropertyTarget,
    ReferenceCount,
)
from weft.domain.objects import GeoPoint, Object, PhoneNumber, Reference, format_uuid
from weft.domain.query import Sort
from weft.domain.schema import CollectionConfig, DataType, InvertedConfig, Property, Tokenization
from weft.index.filter.index import FilterIndex

STOPWORDS = frozenset({"the", "a"})
WORDS = ["the", "a", "red", "Green", "blue", "redder", "été"]
INTS = [-(2**63), -5, 0, 1, 2, 3, 2**53 + 1, 2**63 - 1]
NUMBERS = [-math.inf, -1.5, -0.0, 0.0, 0.25, 1.0, 2.0, 1e300]
DATES = [
    "0001-01-01T00:00:00Z",
    "1969-12-31T23:59:59.999999999Z",
    "2024-05-13T09:30:00Z",
    "2024-05-13T11:30:00+02:00",
    "2024-05-13T09:30:00.000000001Z",
    "2024-05-13T09:30:00.123456-07:30",
    "9999-12-31T23:59:59Z",
]
UUIDS = [str(UUID(int=n)) for n in (0, 1, 256, 2**64, 2**64 + 1, 2**127, 2**128 - 1)]
POINTS = [
    GeoPoint(0.0, 0.0),
    GeoPoint(52.5, 13.4),
    GeoPoint(52.51, 13.41),
    GeoPoint(-89.9, 179.9),
    GeoPoint(0.0, -180.0),
]
TEXTS = [
    "",
    "red",
    "the red",
    "Green blue",
    "redder the été",
    "!!!",
    "a long text about blue things",
    "a long text about red",
    "A LONG TEXT about RED",
    "Red",
    "ÉTÉ",
    "İd",
]

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
VALUES: dict[DataType, list[Any]] = {
    DataType.INT: INTS,
    DataType.NUMBER: NUMBERS,
    DataType.BOOLEAN: [True, False],
    DataType.DATE: DATES,
    DataType.UUID: UUIDS,
    DataType.TEXT: TEXTS,
}


class PlainTexts:
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


# ---------------------------------------------------------------- the plain evaluator


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
    return {
        Operator.EQUAL: left == right,
        Operator.GREATER_THAN: left > right,
        Operator.GREATER_THAN_EQUAL: left >= right,
        Operator.LESS_THAN: left < right,
        Operator.LESS_THAN_EQUAL: left <= right,
    }[operator]


def holds(filter: Filter, obj: Object) -> bool:
    if isinstance(filter, And):
        return all(holds(f, obj) for f in filter.operands)
    if isinstance(filter, Or):
        return any(holds(f, obj) for f in filter.operands)
    if isinstance(filter, Not):
        return not holds(filter.operand, obj)
    target, operator, value = filter.target, filter.operator, filter.value
    name = target.property  # type: ignore[union-attr]
    if isinstance(target, ReferenceCount) or (
        TYPES.get(name) is DataType.REFERENCE and operator is not Operator.IS_NULL
    ):
        return numeric(operator, [len(obj.properties.get(name) or [])], value)
    if name == ID:
        return on_values(operator, DataType.UUID, [format_uuid(obj.uuid)], value)
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


# ---------------------------------------------------------------- strategies

EQUALITY = [Operator.EQUAL, Operator.NOT_EQUAL]
COMPARISONS = [Operator.GREATER_THAN, Operator.GREATER_THAN_EQUAL, Operator.LESS_THAN, Operator.LESS_THAN_EQUAL]
CONTAINS = [Operator.CONTAINS_ANY, Operator.CONTAINS_ALL, Operator.CONTAINS_NONE]


def stored_values(prop: Property) -> st.SearchStrategy[Any]:
    if prop.data_type is DataType.GEO:
        return st.none() | st.sampled_from(POINTS)
    if prop.data_type is DataType.PHONE:
        return st.none() | st.just(PhoneNumber("+49 30 1", country_code=49, national=301))
    if prop.data_type is DataType.REFERENCE:
        return st.none() | st.lists(
            st.builds(Reference, st.just(""), st.integers(0, 3).map(lambda n: bytes([n] * 16))), max_size=3
        )
    one = st.sampled_from(VALUES[prop.data_type.element])
    return st.none() | (st.lists(one, max_size=4) if prop.data_type.is_array else one)


def objects() -> st.SearchStrategy[Object]:
    properties = st.fixed_dictionaries({}, optional={p.name: stored_values(p) for p in CONFIG.properties})
    stamps = st.integers(1_700_000_000_000, 1_700_000_000_004)
    return st.builds(
        Object, st.integers(0, 11).map(lambda n: bytes(15) + bytes([n])), properties, st.just({}), stamps, stamps
    )


def conditions_on(prop: Property) -> st.SearchStrategy[Condition]:
    target = st.just(PropertyTarget(prop.name))
    null = st.builds(Condition, st.just(Operator.IS_NULL), target, st.booleans())
    if prop.data_type is DataType.PHONE:
        return null
    if prop.data_type is DataType.GEO:
        area = st.builds(
            GeoRange,
            st.sampled_from([0.0, 52.5, -90.0, 89.0]),
            st.sampled_from([0.0, 13.4, 180.0, -179.0]),
            st.sampled_from([0.0, 1500.0, 2e5, 1.2e7, 3e7]),
        )
        return null | st.builds(Condition, st.just(Operator.WITHIN_GEO_RANGE), target, area)
    if prop.data_type is DataType.REFERENCE:
        counted = st.builds(ReferenceCount, st.just(prop.name)) | target
        return null | st.builds(Condition, st.sampled_from(EQUALITY + COMPARISONS), counted, st.integers(0, 3))
    every = [null]
    if prop.data_type.element is DataType.TEXT:
        one = st.sampled_from(["red", "the red", "Green BLUE", "été the", "redder"])
        several = one | st.just("the")
        every.append(
            st.builds(Condition, st.just(Operator.LIKE), target, st.sampled_from(["red*", "?lue", "*e*", "red"]))
        )
        every.append(
            st.builds(
                Condition,
                st.just(Operator.CONTAINS_ANY),
                target,
                st.lists(several, max_size=3).map(lambda v: (*v, "red")),
            )
        )
    else:
        one = st.sampled_from(VALUES[prop.data_type.element])
    if prop.data_type is DataType.TEXT or prop.data_type.is_array:
        length = st.builds(PropertyTarget, st.just(prop.name), st.just(True))
        every.append(st.builds(Condition, st.sampled_from(EQUALITY + COMPARISONS), length, st.integers(0, 12)))
    every.append(st.builds(Condition, st.sampled_from(EQUALITY + COMPARISONS), target, one))
    every.append(st.builds(Condition, st.sampled_from(CONTAINS), target, st.lists(one, max_size=6).map(tuple)))
    return st.one_of(every)


def built_in_conditions() -> st.SearchStrategy[Condition]:
    uuid = st.integers(0, 12).map(lambda n: str(UUID(int=n)))
    stamp = st.integers(1_699_999_999_999, 1_700_000_000_005).map(str)
    return st.one_of(
        st.builds(Condition, st.sampled_from(EQUALITY + COMPARISONS), st.just(PropertyTarget(ID)), uuid),
        st.builds(
            Condition, st.sampled_from(CONTAINS), st.just(PropertyTarget(ID)), st.lists(uuid, max_size=7).map(tuple)
        ),
        st.builds(
            Condition,
            st.sampled_from(EQUALITY + COMPARISONS),
            st.sampled_from([PropertyTarget(CREATION_TIME), PropertyTarget(UPDATE_TIME)]),
            stamp,
        ),
    )


LEAVES = st.one_of([conditions_on(p) for p in CONFIG.properties] + [built_in_conditions()])
FILTERS: st.SearchStrategy[Filter] = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.builds(And, st.lists(inner, min_size=1, max_size=3).map(tuple)),
        st.builds(Or, st.lists(inner, min_size=1, max_size=3).map(tuple)),
        st.builds(Not, inner),
    ),
    max_leaves=5,
)
KEYS = st.builds(
    Sort,
    st.sampled_from(
        [
            "int",
            "ints",
            "number",
            "numbers",
            "flag",
            "flags",
            "date",
            "dates",
            "point",
            "text",
            "texts",
            "field",
            "phone",
            ID,
            CREATION_TIME,
            UPDATE_TIME,
        ]
    ),
    st.booleans(),
)


class Shard:
    """What a collection does around the index: doc_ids, live ones, and replay after reopening."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.texts = PlainTexts()
        self.stored: dict[int, Object] = {}
        self.live = BitMap()
        self.index = FilterIndex(folder, CONFIG, self.texts)

    def put(self, batch: Sequence[Object]) -> None:
        first = max(self.stored, default=-1) + 1
        ids = list(range(first, first + len(batch)))
        live = self.live.copy()
        for doc_id, obj in zip(ids, batch, strict=True):
            live -= BitMap(i for i in live if self.stored[i].uuid == obj.uuid)
            live.add(doc_id)
            self.stored[doc_id] = obj
            self.texts.add(doc_id, obj.properties)
        self.live = live
        self.index.add(ids, batch)

    def delete(self, doc_id: int) -> None:
        self.live = self.live - BitMap([doc_id])

    def reopen(self) -> None:
        self.index.close()
        self.index = FilterIndex(self.folder, CONFIG, self.texts)
        missing = [i for i in self.live if i >= self.index.covered]
        self.index.add(missing, [self.stored[i] for i in missing])

    def read(self, doc_ids: Any, name: str) -> list[Any]:
        return [self.stored[int(i)].properties.get(name) for i in doc_ids]


def in_order(data_type: DataType, value: Any) -> Any:
    """What sorting compares: filters tell upper from lower case, sorting does not."""
    if data_type is DataType.TEXT:
        return [ord(letter.lower()[0]) for letter in value]
    return comparable(data_type, value)


def sorted_plainly(shard: Shard, doc_ids: Iterable[int], keys: Sequence[Sort]) -> list[int]:
    def value(doc_id: int, path: str) -> Any:
        obj = shard.stored[doc_id]
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
        return a - b

    return sorted(doc_ids, key=functools.cmp_to_key(order))


@settings(max_examples=400, suppress_health_check=list(HealthCheck))
@given(
    steps=st.lists(
        st.lists(objects(), min_size=1, max_size=8) | st.integers(0, 30) | st.sampled_from(["checkpoint", "reopen"]),
        min_size=1,
        max_size=6,
    ),
    filters=st.lists(FILTERS, min_size=4, max_size=8),
    keys=st.lists(KEYS, max_size=3),
    limit=st.integers(0, 9),
)
def test_every_operator_agrees_with_the_plain_evaluator(
    steps: list[Any], filters: list[Filter], keys: list[Sort], limit: int
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        shard = Shard(Path(folder))
        for step in steps:
            if isinstance(step, list):
                shard.put(step)
            elif step == "checkpoint":
                shard.index.checkpoint(shard.live)
            elif step == "reopen":
                shard.reopen()
            else:
                shard.delete(step)
            for filter in filters:
                expected = [i for i in shard.live if holds(filter, shard.stored[i])]
                assert list(shard.index.evaluate(filter, shard.live)) == expected
                assert list(shard.index.allow(filter, shard.live).bitmap) == expected
        ids = np.array(list(shard.live), np.uint32)
        order = sorted_plainly(shard, ids.tolist(), keys)
        assert shard.index.sort(ids[::-1], keys, limit, shard.read).tolist() == (order[:limit] if limit else order)
        assert shard.index.uuids(ids) == [shard.stored[int(i)].uuid for i in ids]


@pytest.mark.parametrize("seed", [1, 2])
def test_large_columns_agree_with_the_plain_evaluator(tmp_path: Path, seed: int) -> None:
    """Enough rows for sorted copies, kept bitmaps, dense scans and several containers."""
    print("seed", seed)
    rng = np.random.default_rng(seed)
    shard = Shard(tmp_path)
    ids = np.flatnonzero(rng.random(90_000) < (1.0 if seed == 1 else 0.2)).astype(np.uint32)
    made = [
        Object(
            int(n).to_bytes(16, "big"),
            {
                "int": int(rng.integers(0, 1000)),
                "number": float(rng.normal()),
                "flag": bool(rng.random() < 0.5),
                "uid": str(UUID(int=int(rng.integers(0, 50)) << 64)),
                "ints": rng.integers(0, 40, rng.integers(0, 4)).tolist(),
            },
        )
        for n in ids[:12_000]
    ]
    ids = ids[: len(made)]
    shard.stored = dict(zip(ids.tolist(), made, strict=True))
    for at in range(0, len(made), 7_000):
        shard.index.add(ids[at : at + 7_000], made[at : at + 7_000])
        shard.index.evaluate(Condition(Operator.EQUAL, PropertyTarget("int"), 5), BitMap(ids.tolist()))
    live = BitMap(ids[rng.random(len(ids)) < 0.9].tolist())
    for name, value in (("int", 500), ("number", 0.3), ("flag", True), ("uid", str(UUID(int=7 << 64))), ("ints", 12)):
        for operator in EQUALITY + COMPARISONS:
            condition = Condition(operator, PropertyTarget(name), value)
            expected = BitMap(i for i in live if holds(condition, shard.stored[i]))
            for _ in range(2):
                assert shard.index.evaluate(condition, live) == expected
    several = Condition(Operator.CONTAINS_ANY, PropertyTarget("int"), tuple(range(0, 900, 7)))
    assert shard.index.evaluate(several, live) == BitMap(i for i in live if holds(several, shard.stored[i]))
    named = Condition(Operator.CONTAINS_ANY, PropertyTarget(ID), tuple(format_uuid(o.uuid) for o in made[5000:5900]))
    assert shard.index.evaluate(named, live) == BitMap(ids[5000:5900].tolist()) & live
    chosen = np.array(list(live), np.uint32)
    for keys in ([Sort("int", False)], [Sort("flag"), Sort("number", False)], [Sort("uid")][:0]):
        order = sorted_plainly(shard, chosen.tolist(), keys)
        assert shard.index.sort(chosen, keys, 0, shard.read).tolist() == order
        assert shard.index.sort(chosen, keys, 25, shard.read).tolist() == order[:25]
