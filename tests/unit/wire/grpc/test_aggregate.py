"""Aggregations as the official client asks for them, and replies as it reads them."""

from __future__ import annotations

from typing import Any

import pytest
from weaviate.classes.aggregate import Metrics
from weaviate.classes.query import Filter
from weaviate.collections.filters import _FilterToGRPC

from unit.wire.grpc.articles import NAMED
from weft.domain.aggregate import (
    AggregateAnswer,
    AggregatedGroup,
    AggregatedType,
    AggregateMetric,
    Aggregation,
    PropertyAggregation,
    PropertyFigures,
)
from weft.domain.errors import Invalid
from weft.domain.filters import Condition, Operator, PropertyTarget
from weft.domain.objects import GeoPoint, Reference
from weft.domain.query import NearObject
from weft.protocol import aggregate
from weft.wire.grpc.decode_aggregate import decode_aggregate
from weft.wire.grpc.encode_aggregate import encode_aggregate


def test_metrics() -> None:
    metrics = [
        Metrics("words").integer(count=True, maximum=True),
        Metrics("title").text(top_occurrences_count=True, top_occurrences_value=True, limit=3),
        Metrics("flag").boolean(total_true=True, percentage_false=True),
        Metrics("author").reference(pointing_to=True),
    ]
    request = aggregate.AggregateRequest(
        collection="Article", aggregations=[m.to_grpc() for m in metrics], objects_count=True, object_limit=7, limit=2
    )
    request.filters.CopyFrom(_FilterToGRPC.convert(Filter.by_property("title").equal("x")))
    request.group_by.property = "title"
    assert decode_aggregate(request, NAMED) == Aggregation(
        "Article",
        filter=Condition(Operator.EQUAL, PropertyTarget("title"), "x"),
        object_limit=7,
        group_by="title",
        limit=2,
        objects_count=True,
        properties=(
            PropertyAggregation("words", frozenset({AggregateMetric.COUNT, AggregateMetric.MAXIMUM})),
            PropertyAggregation("title", frozenset({AggregateMetric.TOP_OCCURRENCES}), 3),
            PropertyAggregation("flag", frozenset({AggregateMetric.TOTAL_TRUE, AggregateMetric.PERCENTAGE_FALSE})),
            PropertyAggregation("author", frozenset({AggregateMetric.POINTING_TO})),
        ),
    )


def test_a_search_and_its_targets() -> None:
    request = aggregate.AggregateRequest(near_object={"id": "x", "distance": 0.5})
    assert decode_aggregate(request, NAMED).search == NearObject(uuid="x", max_distance=0.5)
    request.near_object.targets.target_vectors.extend(["plain", "other"])
    with pytest.raises(Invalid, match="more than one target vector"):
        decode_aggregate(request, NAMED)


@pytest.mark.parametrize("fields", [{"aggregations": [{}]}, {"aggregations": [{"property": "a"}]}, {"group_by": {}}])
def test_what_is_incomplete_is_refused(fields: dict[str, Any]) -> None:
    with pytest.raises(Invalid):
        decode_aggregate(aggregate.AggregateRequest(**fields), NAMED)


def sent(answer: AggregateAnswer, asked: Aggregation) -> Any:
    return aggregate.AggregateReply.FromString(encode_aggregate(answer, asked))


def test_figures_and_what_has_nothing_to_say() -> None:
    figures = (
        PropertyFigures(
            "words", AggregatedType.INT, {AggregateMetric.COUNT: 2, AggregateMetric.MEAN: 1.5, AggregateMetric.SUM: 3}
        ),
        PropertyFigures("title", AggregatedType.TEXT, {AggregateMetric.TOP_OCCURRENCES: [("a", 2), ("b", 1)]}),
        PropertyFigures(
            "author", AggregatedType.REFERENCE, {AggregateMetric.COUNT: 2, AggregateMetric.POINTING_TO: ["Author"]}
        ),
    )
    reply = sent(AggregateAnswer(False, (AggregatedGroup(None, 2, figures),)), Aggregation("Article"))
    assert not reply.single_result.HasField("objects_count")
    words, title, author = reply.single_result.aggregations.aggregations
    assert (words.int.count, words.int.mean, words.int.sum) == (2, 1.5, 3)
    assert not words.int.HasField("median")
    assert [(i.value, i.occurs) for i in title.text.top_occurences.items] == [("a", 2), ("b", 1)]
    assert list(author.reference.pointing_to) == ["Author"]


@pytest.mark.parametrize(
    ("total", "fits"), [(2**63 - 1, True), (-(2**63), True), (2**63, False), (-(2**63) - 1, False), (2**80, False)]
)
def test_a_sum_that_the_protocol_cannot_say_is_left_out(total: int, fits: bool) -> None:
    figures = {AggregateMetric.COUNT: 9, AggregateMetric.SUM: total, AggregateMetric.MEAN: total / 9}
    group = AggregatedGroup(7, 9, (PropertyFigures("words", AggregatedType.INT, figures),))
    alone = sent(AggregateAnswer(False, (group,)), Aggregation("Article")).single_result
    grouped = sent(AggregateAnswer(True, (group,)), Aggregation("Article", group_by="words")).grouped_results.groups[0]
    for one in (alone, grouped):
        words = one.aggregations.aggregations[0].int
        assert (words.HasField("sum"), words.sum) == (fits, total if fits else 0)
        assert (words.count, words.mean) == (9, total / 9)


@pytest.mark.parametrize(
    ("value", "field", "expected"),
    [
        ("x", "text", "x"),
        (True, "boolean", True),
        (3, "number", 3.0),
        (-(2**53), "number", -(2.0**53)),
        (2**53 + 1, "int", 2**53 + 1),
        (1.5, "number", 1.5),
        (Reference("Author", bytes(16)), "text", "weaviate://localhost/Author/00000000-0000-0000-0000-000000000000"),
    ],
)
def test_the_value_of_a_group_keeps_its_type(value: Any, field: str, expected: Any) -> None:
    asked = Aggregation("Article", group_by="p")
    (group,) = sent(AggregateAnswer(True, (AggregatedGroup(value, 4),)), asked).grouped_results.groups
    assert group.objects_count == 4
    assert list(group.grouped_by.path) == ["p"]
    assert group.grouped_by.WhichOneof("value") == field
    assert getattr(group.grouped_by, field) == expected


def test_a_place_can_be_the_value_of_a_group() -> None:
    asked = Aggregation("Article", group_by="p")
    (group,) = sent(AggregateAnswer(True, (AggregatedGroup(GeoPoint(1.5, 2.5), 1),)), asked).grouped_results.groups
    assert (group.grouped_by.geo.latitude, group.grouped_by.geo.longitude) == (1.5, 2.5)
