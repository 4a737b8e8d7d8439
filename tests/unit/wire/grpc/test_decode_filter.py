"""Filters as the official client builds them, and what no client should send."""

from __future__ import annotations

from typing import Any

import pytest
from weaviate.classes.query import Filter, GeoCoordinate
from weaviate.collections.filters import _FilterToGRPC

from weft.domain.errors import Invalid
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
from weft.protocol import base
from weft.wire.grpc.decode_filter import decode_filter

NAME = PropertyTarget("name")


@pytest.mark.parametrize(
    ("built", "expected"),
    [
        (Filter.by_property("name").equal("x"), Condition(Operator.EQUAL, NAME, "x")),
        (Filter.by_property("name").not_equal(3), Condition(Operator.NOT_EQUAL, NAME, 3)),
        (Filter.by_property("name").greater_than(1.5), Condition(Operator.GREATER_THAN, NAME, 1.5)),
        (Filter.by_property("name").greater_or_equal(1.5), Condition(Operator.GREATER_THAN_EQUAL, NAME, 1.5)),
        (Filter.by_property("name").less_than(1), Condition(Operator.LESS_THAN, NAME, 1)),
        (Filter.by_property("name").less_or_equal(True), Condition(Operator.LESS_THAN_EQUAL, NAME, True)),
        (Filter.by_property("name").like("a*"), Condition(Operator.LIKE, NAME, "a*")),
        (Filter.by_property("name").is_none(False), Condition(Operator.IS_NULL, NAME, False)),
        (Filter.by_property("name").contains_any(["a", "b"]), Condition(Operator.CONTAINS_ANY, NAME, ("a", "b"))),
        (Filter.by_property("name").contains_all([1, 2]), Condition(Operator.CONTAINS_ALL, NAME, (1, 2))),
        (Filter.by_property("name").contains_none([1.5]), Condition(Operator.CONTAINS_NONE, NAME, (1.5,))),
        (Filter.by_property("name").contains_any([True]), Condition(Operator.CONTAINS_ANY, NAME, (True,))),
        (
            Filter.by_property("name", length=True).equal(0),
            Condition(Operator.EQUAL, PropertyTarget("name", length=True), 0),
        ),
        (
            Filter.by_property("name").within_geo_range(GeoCoordinate(latitude=52.5201, longitude=-13.4), 0.1),
            Condition(Operator.WITHIN_GEO_RANGE, NAME, GeoRange(52.5201, -13.4, 0.1)),
        ),
        (
            Filter.by_id().equal("00000000-0000-0000-0000-00000000000a"),
            Condition(Operator.EQUAL, PropertyTarget("_id"), "00000000-0000-0000-0000-00000000000a"),
        ),
        (
            Filter.by_ref("author").by_ref("city").by_property("name").equal("x"),
            Condition(Operator.EQUAL, ReferenceTarget("author", ReferenceTarget("city", NAME)), "x"),
        ),
        (
            Filter.by_ref_multi_target("author", "Person").by_property("name").equal("x"),
            Condition(Operator.EQUAL, ReferenceTarget("author", NAME, "Person"), "x"),
        ),
        (Filter.by_ref_count("author").greater_than(1), Condition(Operator.GREATER_THAN, ReferenceCount("author"), 1)),
    ],
)
def test_conditions(built: Any, expected: Condition) -> None:
    assert decode_filter(_FilterToGRPC.convert(built)) == expected


def test_trees() -> None:
    a, b = Filter.by_property("name").equal("a"), Filter.by_property("name").equal("b")
    built = Filter.not_((a & b) | a)
    left = Condition(Operator.EQUAL, NAME, "a")
    right = Condition(Operator.EQUAL, NAME, "b")
    assert decode_filter(_FilterToGRPC.convert(built)) == Not(Or((And((left, right)), left)))


def test_legacy_paths() -> None:
    message = base.Filters(operator=base.Filters.OPERATOR_EQUAL, on=["Author", "Person", "len(name)"], value_int=3)
    target = ReferenceTarget("author", PropertyTarget("name", length=True), "Person")
    assert decode_filter(message) == Condition(Operator.EQUAL, target, 3)


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({}, "unknown filter operator 0"),
        ({"operator": 99}, "unknown filter operator 99"),
        ({"operator": 7}, "needs operands"),
        ({"operator": 15, "filters": [base.Filters(), base.Filters()]}, "unknown filter operator"),
        ({"operator": 1, "on": ["a", "B"], "value_int": 1}, "uneven number"),
        ({"operator": 1, "value_int": 1}, "uneven number"),
        ({"operator": 1, "on": ["a"]}, "has no value"),
        ({"operator": 1, "on": [""], "value_int": 1}, "names no property"),
        ({"operator": 1, "target": base.FilterTarget(), "value_int": 1}, "target without content"),
    ],
)
def test_what_cannot_be_understood_is_refused(fields: dict[str, Any], text: str) -> None:
    with pytest.raises(Invalid, match=text):
        decode_filter(base.Filters(**fields))
