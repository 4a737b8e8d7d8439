"""``where`` in JSON."""

from __future__ import annotations

from typing import Any

import pytest

from weft.domain.errors import CallerError
from weft.domain.filters import (
    And,
    Condition,
    GeoRange,
    Not,
    Operator,
    Or,
    PropertyTarget,
    ReferenceCount,
    ReferenceTarget,
)
from weft.domain.json_values import JsonValue
from weft.wire.json.where import decode_where


def equal(path: list[str], **value: Any) -> dict[str, Any]:
    return {"operator": "Equal", "path": path, **value}


def test_conditions() -> None:
    a = Condition(Operator.EQUAL, PropertyTarget("a"), 3, "valueInt")
    assert decode_where(equal(["A"], valueInt=3)) == a
    assert decode_where(equal(["a"], valueInt=3.0, valueText=None)) == a
    assert decode_where(equal(["id"], valueString="x")).target == PropertyTarget("_id")  # type: ignore[union-attr]
    assert decode_where(equal(["len(A)"], valueInt=1)).target == PropertyTarget("a", length=True)  # type: ignore[union-attr]
    path = decode_where(equal(["ref", "Other", "b"], valueBoolean=True))
    assert path == Condition(Operator.EQUAL, ReferenceTarget("ref", PropertyTarget("b"), "Other"), True, "valueBoolean")
    count = decode_where({"operator": "GreaterThan", "path": ["ref", "Other"], "valueInt": 1})
    assert count == Condition(Operator.GREATER_THAN, ReferenceCount("ref"), 1, "valueInt")
    any_of: JsonValue = {"operator": "ContainsAny", "path": ["a"], "valueTextArray": ["x", "y"]}
    assert decode_where(any_of) == Condition(Operator.CONTAINS_ANY, PropertyTarget("a"), ("x", "y"), "valueText")
    within: JsonValue = {"geoCoordinates": {"latitude": 1, "longitude": 2}, "distance": {"max": 3}}
    geo: JsonValue = {"operator": "WithinGeoRange", "path": ["g"], "valueGeoRange": within}
    area = GeoRange(1.0, 2.0, 3.0)
    assert decode_where(geo) == Condition(Operator.WITHIN_GEO_RANGE, PropertyTarget("g"), area, "valueGeoRange")


def test_combinations() -> None:
    inner = equal(["a"], valueText="x")
    decoded = decode_where(inner)
    assert decode_where({"operator": "And", "operands": [inner, inner]}) == And((decoded, decoded))
    assert decode_where({"operator": "Or", "operands": [inner]}) == Or((decoded,))
    assert decode_where({"operator": "Not", "operands": [inner]}) == Not(decoded)


DEEP: dict[str, JsonValue] = equal(["a"], valueText="x")
for _ in range(100):
    DEEP = {"operator": "And", "operands": [DEEP]}


@pytest.mark.parametrize(
    "wrong",
    [
        None,
        [],
        {},
        {"operator": "Equals", "path": ["a"], "valueText": "x"},
        equal([], valueText="x"),
        equal([""], valueText="x"),
        equal(["a"]),
        equal(["a"], valueText="x", valueInt=1),
        equal(["a"], valueText=1),
        equal(["a"], valueInt=1.5),
        equal(["a"], valueInt=True),
        equal(["a"], valueNumber="1"),
        equal(["a"], valueBoolean="true"),
        equal(["a"], valueThing=1),
        equal(["a"], valueTextArray="x"),
        equal(["a"], valueGeoRange={}),
        equal(["a"], valueText="x", extra=1),
        {"operator": "And"},
        {"operator": "And", "operands": []},
        {"operator": "And", "operands": [3]},
        {"operator": "And", "operands": [equal(["a"], valueInt=1)], "path": ["a"]},
        {"operator": "Not", "operands": [equal(["a"], valueInt=1)] * 2},
        DEEP,
    ],
)
def test_refused(wrong: JsonValue) -> None:
    with pytest.raises(CallerError):
        decode_where(wrong)
