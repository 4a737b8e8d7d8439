"""Objects, filters and sort keys of all kinds, made by hypothesis."""

from __future__ import annotations

import math
from typing import Any
from uuid import UUID

from hypothesis import strategies as st

from reference.filters import CONFIG
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
from weft.domain.objects import GeoPoint, Object, PhoneNumber, Reference
from weft.domain.query import Sort
from weft.domain.schema import DataType, Property

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
VALUES: dict[DataType, list[Any]] = {
    DataType.INT: INTS,
    DataType.NUMBER: NUMBERS,
    DataType.BOOLEAN: [True, False],
    DataType.DATE: DATES,
    DataType.UUID: UUIDS,
    DataType.TEXT: TEXTS,
}

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
