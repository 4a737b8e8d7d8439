"""What filters are refused, and with which words."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from pyroaring import BitMap

from weft.domain.errors import Invalid
from weft.domain.filters import (
    And,
    Condition,
    Filter,
    GeoRange,
    Not,
    Operator,
    Or,
    PropertyTarget,
    ReferenceCount,
    ReferenceTarget,
)
from weft.domain.schema import DataType, InvertedConfig, Property, Tokenization

O = Operator  # noqa: E741
PROPERTIES = (
    Property("int", DataType.INT),
    Property("number", DataType.NUMBER),
    Property("flag", DataType.BOOLEAN),
    Property("date", DataType.DATE),
    Property("uid", DataType.UUID),
    Property("text", DataType.TEXT),
    Property("point", DataType.GEO),
    Property("phone", DataType.PHONE),
    Property("blob", DataType.BLOB),
    Property("thing", DataType.OBJECT, nested=(Property("a", DataType.INT),)),
    Property(
        "things",
        DataType.OBJECT_ARRAY,
        nested=(
            Property("name", DataType.TEXT, tokenization=Tokenization.WORD),
            Property("hidden", DataType.INT, index_filterable=False),
            Property("blob", DataType.BLOB, index_filterable=False),
            Property("inner", DataType.OBJECT, nested=(Property("a", DataType.INT),)),
        ),
    ),
    Property("hidden", DataType.INT, index_filterable=False),
    Property("ranged", DataType.INT, index_filterable=False, index_range_filters=True),
    Property("ref", DataType.REFERENCE, target_collections=("Other",)),
    Property("refs", DataType.REFERENCE, target_collections=("Other", "Things")),
)


def on(name: str, operator: Operator, value: Any, *, length: bool = False) -> Condition:
    return Condition(operator, PropertyTarget(name, length), value)


@pytest.mark.parametrize(
    ("filter", "message"),
    [
        (on("int", O.EQUAL, 1.2), "filtering for integer, but received a floating point number 1.2"),
        (on("int", O.EQUAL, "1.5"), "floating point number"),
        (on("int", O.EQUAL, "many"), "could not parse string 'many' as int"),
        (on("int", O.EQUAL, 2**63), "out of range"),
        (on("int", O.EQUAL, float("inf")), "non-finite"),
        (on("int", O.CONTAINS_ANY, (1.0, 2.5)), "floating point number 2.5"),
        (on("int", O.EQUAL, True), 'cannot use "valueBoolean" on type "int", use "valueInt" instead'),
        (on("number", O.EQUAL, "x"), "could not parse string 'x' as float"),
        (on("number", O.EQUAL, float("nan")), "NaN"),
        (on("flag", O.EQUAL, "true"), 'cannot use "valueText" on type "boolean", use "valueBoolean" instead'),
        (on("text", O.EQUAL, 3), 'cannot use "valueInt" on type "text", use "valueText" instead'),
        (on("date", O.EQUAL, "yesterday"), "RFC 3339"),
        (on("uid", O.EQUAL, 3), "specify uuid as string"),
        (on("uid", O.EQUAL, "xyz"), "is not a uuid"),
        (on("uid", O.LIKE, "0000*"), "is not a uuid|cannot be used"),
        (on("int", O.EQUAL, (1, 2)), "takes one value"),
        (on("int", O.EQUAL, None), "needs a value"),
        (on("int", O.LIKE, 1), "operator Like cannot be used"),
        (on("int", O.WITHIN_GEO_RANGE, 1), "cannot be used"),
        (on("nope", O.EQUAL, 1), "no such prop with name 'nope' found in class 'Things'"),
        (on("thing", O.EQUAL, "x"), "use dot notation"),
        (on("thing.name", O.EQUAL, "x"), 'sub-property "name" not found'),
        (on("things[0", O.EQUAL, "x"), "no such prop"),
        (on("thing[0].a", O.EQUAL, 1), "indexing requires an array type"),
        (on("things.name[0]", O.EQUAL, "x"), "indexing requires an array type"),
        (on("things.inner", O.EQUAL, 1), "filtering on object types is not supported"),
        (on("things.name.x", O.EQUAL, 1), "must be object or object"),
        (on("things.name", O.EQUAL, 1), 'cannot use "valueInt" on type "text"'),
        (on("things.name", O.EQUAL, "the"), "only stopwords"),
        (on("things.hidden", O.EQUAL, 1), "not filterable"),
        (on("things.hidden", O.IS_NULL, True), "not filterable"),
        (on("things.blob", O.EQUAL, "x"), "not filterable|cannot be filtered"),
        (on("things.blob", O.IS_NULL, True), "not filterable|cannot be filtered"),
        (on("things.name", O.WITHIN_GEO_RANGE, "x"), "cannot be used"),
        (on("things.name", O.IS_NULL, "x"), "requires a booleanValue"),
        (on("things", O.IS_NULL, "x"), "requires a booleanValue"),
        (on("things", O.EQUAL, 5, length=True), "length filtering is not supported"),
        (on("things.name", O.EQUAL, 5, length=True), "length filtering is not supported"),
        (on("int[0]", O.EQUAL, 5), "only supported on nested"),
        (on("int.x", O.EQUAL, 5), "no such prop"),
        (on("hidden", O.EQUAL, 1), "Is `indexFilterable` option of property 'hidden' enabled"),
        (on("phone", O.EQUAL, "1"), "cannot be filtered by value"),
        (on("blob", O.EQUAL, "1"), "cannot be filtered by value"),
        (on("point", O.EQUAL, 1), "operator Equal cannot be used"),
        (on("point", O.WITHIN_GEO_RANGE, "x"), "it can only be used with geoRange filters"),
        (on("point", O.WITHIN_GEO_RANGE, GeoRange(91.0, 0.0, 1.0)), "latitude"),
        (on("point", O.WITHIN_GEO_RANGE, GeoRange(0.0, 0.0, -1.0)), "0 m or more"),
        (on("text", O.EQUAL, "the"), "invalid search term, only stopwords provided"),
        (on("text", O.NOT_EQUAL, "the"), "only stopwords"),
        (on("text", O.CONTAINS_ANY, ("the", "a")), "only stopwords"),
        (on("text", O.CONTAINS_ALL, ("the", "red")), "only stopwords"),
        (on("text", O.WITHIN_GEO_RANGE, "x"), "cannot be used"),
        (on("int", O.IS_NULL, True), "Add `indexNullState: true`"),
        (on("int", O.IS_NULL, "true"), "requires a booleanValue"),
        (on("text", O.EQUAL, 3, length=True), "add `indexPropertyLength: true`"),
        (on("_creationTimeUnix", O.EQUAL, "1"), "Add `indexTimestamps: true`"),
        (on("_id", O.EQUAL, 3), 'must use "valueText"'),
        (on("_id", O.IS_NULL, "x"), "cannot be used on _id"),
        (on("ref", O.EQUAL, "x"), "ref prop to the class Other"),
        (Condition(O.EQUAL, ReferenceCount("int"), 1), "only references can be counted"),
        (Condition(O.EQUAL, ReferenceTarget("ref", PropertyTarget("x")), 1), "not available here"),
        (Condition(O.EQUAL, ReferenceTarget("refs", PropertyTarget("x")), 1), "points to several collections"),
        (Condition(O.EQUAL, ReferenceTarget("int", PropertyTarget("x")), 1), "not a reference"),
        (Condition(O.EQUAL, ReferenceCount("thing"), 1), 'name a property of it with a dot: "thing.a"'),
        (Condition(O.EQUAL, ReferenceTarget("thing", PropertyTarget("x")), 1), 'with a dot: "thing.a"'),
        (And((on("things.name", O.EQUAL, "x"), And(()))), 'no children for operator "And"'),
        (And((on("things.name", O.EQUAL, "x"), Or(()))), 'no children for operator "Or"'),
        (And(()), 'no children for operator "And"'),
        (Or(()), 'no children for operator "Or"'),
    ],
)
def test_what_cannot_be_is_refused_with_a_way_out(fill: Callable[..., Any], filter: Filter, message: str) -> None:
    made = fill(*PROPERTIES, inverted=InvertedConfig())
    for refused in (filter, And((on("ranged", O.EQUAL, 1), filter)), Not(filter)):
        with pytest.raises(Invalid, match=message.replace("(", r"\(").replace("[", r"\[")):
            made.index.evaluate(refused, BitMap([1, 2, 3]))


def test_lengths_are_counted_not_compared_with_text(fill: Callable[..., Any]) -> None:
    made = fill(*PROPERTIES)
    for value, message in ((-1, "positive"), ("3", "requires IntValue"), (1.5, "floating point")):
        with pytest.raises(Invalid, match=message):
            made.index.evaluate(on("text", O.EQUAL, value, length=True), BitMap())
    with pytest.raises(Invalid, match="only texts and arrays"):
        made.index.evaluate(on("int", O.EQUAL, 1, length=True), BitMap())
    with pytest.raises(Invalid, match="not indexed"):
        made.index.evaluate(on("blob", O.IS_NULL, True), BitMap())


def test_a_deep_filter_is_refused_before_it_is_walked(fill: Callable[..., Any]) -> None:
    made = fill(*PROPERTIES)
    deep: Filter = on("int", O.EQUAL, 1)
    for _ in range(5000):
        deep = Not(deep)
    for ask in (made.index.evaluate, made.index.allow):
        with pytest.raises(Invalid, match="nested deeper"):
            ask(deep, BitMap())


def test_an_index_for_ranges_alone_can_be_filtered(fill: Callable[..., Any]) -> None:
    made = fill(*PROPERTIES)
    made.add({"ranged": 1}, {"ranged": 5})
    assert made.find(on("ranged", O.GREATER_THAN, 2)) == [1]


def test_references_are_answered_by_the_resolver(fill: Callable[..., Any]) -> None:
    made = fill(*PROPERTIES)
    made.add({}, {}, {})
    asked = []

    def resolve(property: str, inner: Filter, collection: str) -> BitMap:
        asked.append((property, inner, collection))
        return BitMap([1, 7])

    through = Condition(O.EQUAL, ReferenceTarget("ref", PropertyTarget("x")), 5)
    assert list(made.index.evaluate(through, made.live, resolve)) == [1]
    assert list(made.index.allow(Not(through), made.live, resolve).bitmap) == [0, 2]
    assert asked == [("ref", on("x", O.EQUAL, 5), "Other")] * 2
