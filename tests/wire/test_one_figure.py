"""The same figures over gRPC and GraphQL: aggregations of all kinds, whole and grouped."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest
from weaviate.classes.aggregate import GroupByAggregate, Metrics
from weaviate.classes.query import Filter

from wire.wires import NAME, NEAR, Wires

FIGURES = """meta{count}
  n{count type sum mean mode median maximum minimum} x{sum mean minimum}
  flag{totalTrue totalFalse percentageTrue percentageFalse}
  title{count topOccurrences(limit:3){value occurs}} when{minimum maximum median count} by{pointingTo}"""
METRICS = [
    Metrics("n").integer(count=True, sum_=True, mean=True, mode=True, median=True, maximum=True, minimum=True),
    Metrics("x").number(sum_=True, mean=True, minimum=True),
    Metrics("flag").boolean(total_true=True, total_false=True, percentage_true=True, percentage_false=True),
    Metrics("title").text(count=True, top_occurrences_count=True, top_occurrences_value=True, limit=3),
    Metrics("when").date_(minimum=True, maximum=True, median=True, count=True),
    Metrics("by").reference(pointing_to=True),
]


def assert_figures(given: Mapping[str, Any], total: int, figures: Mapping[str, Any]) -> None:
    assert given["meta"]["count"] == total
    for name in ("count", "sum", "mean", "mode", "median", "maximum", "minimum"):
        assert given["n"][name] == pytest.approx(getattr(figures["n"], name if name != "sum" else "sum_")), name
    assert given["n"]["type"] == "int"
    assert given["x"]["sum"] == pytest.approx(figures["x"].sum_)
    assert given["x"]["mean"] == pytest.approx(figures["x"].mean)
    assert given["flag"]["totalTrue"] == figures["flag"].total_true
    assert given["flag"]["percentageFalse"] == pytest.approx(figures["flag"].percentage_false)
    assert [(one["value"], one["occurs"]) for one in given["title"]["topOccurrences"]] == [
        (one.value, one.count) for one in figures["title"].top_occurrences
    ]
    assert (given["when"]["minimum"], given["when"]["median"]) == (figures["when"].minimum, figures["when"].median)
    assert given["by"]["pointingTo"] == figures["by"].pointing_to


@pytest.mark.parametrize(
    ("ask", "args"),
    [
        (lambda a: a.over_all(total_count=True, return_metrics=METRICS), ""),
        (
            lambda a: a.over_all(
                total_count=True, return_metrics=METRICS, filters=Filter.by_property("n").greater_than(2)
            ),
            '(where:{operator:GreaterThan path:["n"] valueInt:2})',
        ),
        (
            lambda a: a.near_vector(NEAR, object_limit=5, total_count=True, return_metrics=METRICS),
            f"(nearVector:{{vector:{NEAR}}} objectLimit:5)",
        ),
        (
            lambda a: a.hybrid("elm", vector=NEAR, alpha=0.3, object_limit=5, total_count=True, return_metrics=METRICS),
            f'(hybrid:{{query:"elm" vector:{NEAR} alpha:0.3}} objectLimit:5)',
        ),
    ],
    ids=["all", "filtered", "near", "hybrid"],
)
def test_figures_are_the_same(wires: Wires, ask: Callable[[Any], Any], args: str) -> None:
    expected = ask(wires.grpc.aggregate)
    (given,) = wires.graphql(f"{{Aggregate{{{NAME}{args}{{{FIGURES}}}}}}}")["Aggregate"][NAME]
    assert_figures(given, expected.total_count, expected.properties)


@pytest.mark.parametrize("property", ["flag", "n", "tags"])
def test_grouped_figures_are_the_same(wires: Wires, property: str) -> None:
    expected = wires.grpc.aggregate.over_all(
        group_by=GroupByAggregate(prop=property), total_count=True, return_metrics=METRICS
    )
    fields = "groupedBy{path value} " + FIGURES
    groups = wires.graphql(f'{{Aggregate{{{NAME}(groupBy:["{property}"]){{{fields}}}}}}}')["Aggregate"][NAME]
    assert len(groups) == len(expected.groups)
    for given, group in zip(groups, expected.groups, strict=True):
        assert given["groupedBy"]["path"] == [group.grouped_by.prop]
        value = group.grouped_by.value
        assert given["groupedBy"]["value"] == (f"{value:g}" if isinstance(value, float) else str(value).lower())
        assert_figures(given, group.total_count, group.properties)


@pytest.mark.parametrize("other", ["integer", "number", "text", "boolean", "date_", "reference"])
def test_figures_are_of_the_propertys_own_type(wires: Wires, other: str) -> None:
    names = ("n", "x", "flag", "title", "when", "by")
    asked = [getattr(Metrics(name), other)() for name in names]
    own = wires.grpc.aggregate.over_all(return_metrics=METRICS).properties
    for group_by in (None, GroupByAggregate(prop="tags")):
        found = wires.grpc.aggregate.over_all(return_metrics=asked, group_by=group_by)
        for properties in [found.properties] if group_by is None else [group.properties for group in found.groups]:
            assert {name: type(one) for name, one in properties.items()} == {name: type(own[name]) for name in names}
    whole = wires.grpc.aggregate.over_all(return_metrics=asked).properties
    if other in ("integer", "number"):
        assert [whole[name].sum_ for name in ("n", "x")] == pytest.approx([own["n"].sum_, own["x"].sum_])
    assert whole["title"].count == own["title"].count
    assert whole["flag"] == wires.grpc.aggregate.over_all(return_metrics=Metrics("flag").boolean()).properties["flag"]
