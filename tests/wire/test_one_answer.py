"""The same question over REST, gRPC and GraphQL has the same answer: ids, order, scores, distances, values."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, note, settings
from hypothesis import strategies as st
from weaviate.classes.data import GeoCoordinate
from weaviate.classes.query import BM25Operator, Filter, GroupBy, HybridFusion, Sort

from wire.wires import (
    FULL,
    MAKER,
    NAME,
    NEAR,
    WORDS,
    Whole,
    Wires,
    Word,
    assert_same,
    from_graphql,
    from_grpc,
    from_rest,
    spelled,
)

# -- questions written by hand

Ask = Callable[[Any], Any]
QUESTIONS: dict[str, tuple[Ask, dict[str, Any], dict[str, Any] | None]] = {
    "a page": (lambda q: q.fetch_objects(limit=5, offset=3), {"limit": 5, "offset": 3}, {"limit": 5, "offset": 3}),
    "a cursor": (
        lambda q: q.fetch_objects(limit=4, after=UUID(int=6)),
        {"limit": 4, "after": str(UUID(int=6))},
        {"limit": 4, "after": str(UUID(int=6))},
    ),
    "sorted": (
        lambda q: q.fetch_objects(limit=30, sort=Sort.by_property("n", ascending=False).by_property("title")),
        {"limit": 30, "sort": [{"path": ["n"], "order": Word("desc")}, {"path": ["title"]}]},
        {"limit": 30, "sort": "n,title", "order": "desc,asc"},
    ),
    "near a vector": (lambda q: q.near_vector(NEAR, limit=7), {"limit": 7, "nearVector": {"vector": NEAR}}, None),
    "within a distance": (
        lambda q: q.near_vector(NEAR, limit=100, distance=0.2),
        {"nearVector": {"vector": NEAR, "distance": 0.2}},
        None,
    ),
    "with certainty": (
        lambda q: q.near_vector(NEAR, limit=100, certainty=0.95, offset=1),
        {"limit": 100, "offset": 1, "nearVector": {"vector": NEAR, "certainty": 0.95}},
        None,
    ),
    "near an object": (
        lambda q: q.near_object(UUID(int=4), limit=6),
        {"limit": 6, "nearObject": {"beacon": f"weaviate://localhost/{NAME}/{UUID(int=4)}"}},
        None,
    ),
    "cut off": (
        lambda q: q.near_vector(NEAR, limit=20, auto_limit=1),
        {"limit": 20, "autocut": 1, "nearVector": {"vector": NEAR}},
        None,
    ),
    "words": (
        lambda q: q.bm25("elm ash", limit=9),
        {"limit": 9, "bm25": {"query": "elm ash"}},
        None,
    ),
    "all words of some properties": (
        lambda q: q.bm25("elm ash", query_properties=["title^2", "tags"], operator=BM25Operator.and_(), limit=9),
        {
            "limit": 9,
            "bm25": {
                "query": "elm ash",
                "properties": ["title^2", "tags"],
                "searchOperator": {"operator": Word("And")},
            },
        },
        None,
    ),
    "hybrid": (
        lambda q: q.hybrid("fir cedar", vector=NEAR, limit=9, alpha=0.4),
        {"limit": 9, "hybrid": {"query": "fir cedar", "vector": NEAR, "alpha": 0.4}},
        None,
    ),
    "hybrid by ranks": (
        lambda q: q.hybrid(
            "fir", vector=NEAR, limit=9, alpha=0.7, fusion_type=HybridFusion.RANKED, query_properties=["title"]
        ),
        {
            "limit": 9,
            "hybrid": {
                "query": "fir",
                "searches": [{"nearVector": {"vector": NEAR}}],
                "properties": ["title"],
                "alpha": 0.7,
                "fusionType": Word("rankedFusion"),
            },
        },
        None,
    ),
    "through a reference": (
        lambda q: q.fetch_objects(limit=30, filters=Filter.by_ref("by").by_property("name").equal("maker 1")),
        {
            "limit": 30,
            "where": {"operator": Word("Equal"), "path": ["by", MAKER, "name"], "valueText": "maker 1"},
        },
        None,
    ),
    "in a circle": (
        lambda q: q.fetch_objects(
            limit=30,
            filters=Filter.by_property("place").within_geo_range(GeoCoordinate(latitude=5, longitude=10), 500_000),
        ),
        {
            "limit": 30,
            "where": {
                "operator": Word("WithinGeoRange"),
                "path": ["place"],
                "valueGeoRange": {
                    "geoCoordinates": {"latitude": 5, "longitude": 10},
                    "distance": {"max": 500_000},
                },
            },
        },
        None,
    ),
    "by id, null and length": (
        lambda q: q.fetch_objects(
            limit=30,
            filters=(Filter.by_id().contains_any([UUID(int=i) for i in range(1, 9)]))
            & (Filter.by_property("tags").is_none(True) | Filter.by_property("tags", length=True).equal(2)),
        ),
        {
            "limit": 30,
            "where": {
                "operator": Word("And"),
                "operands": [
                    {
                        "operator": Word("ContainsAny"),
                        "path": ["id"],
                        "valueText": [str(UUID(int=i)) for i in range(1, 9)],
                    },
                    {
                        "operator": Word("Or"),
                        "operands": [
                            {"operator": Word("IsNull"), "path": ["tags"], "valueBoolean": True},
                            {"operator": Word("Equal"), "path": ["len(tags)"], "valueInt": 2},
                        ],
                    },
                ],
            },
        },
        None,
    ),
}


@pytest.mark.parametrize("question", QUESTIONS)
def test_every_wire_gives_the_same_objects(wires: Wires, question: str) -> None:
    ask, args, params = QUESTIONS[question]
    expected = from_grpc(ask(Whole(wires.grpc.query)))
    assert expected
    assert_same(expected, from_graphql(wires.get(args)))
    if params is not None:
        assert_same(expected, from_rest(wires.rest(params)))


def test_every_wire_reads_an_object_alike(wires: Wires) -> None:
    uuid = UUID(int=5)
    one = Whole(wires.grpc.query).fetch_objects(filters=Filter.by_id().equal(uuid))
    expected = from_grpc(one)
    where = {"operator": Word("Equal"), "path": ["id"], "valueText": str(uuid)}
    assert_same(expected, from_graphql(wires.get({"where": where})))
    read = wires.http.get(f"/objects/{NAME}/{uuid}", params={"include": "vector"}).json()
    assert_same(expected, from_rest([read]))


def test_groups_are_the_same(wires: Wires) -> None:
    found = wires.grpc.query.near_vector(
        NEAR,
        limit=20,
        group_by=GroupBy(prop="flag", objects_per_group=3, number_of_groups=2),
        return_metadata=FULL,
    )
    group = (
        "_additional{group{count minDistance maxDistance groupedBy{path value} hits{title _additional{id distance}}}}"
    )
    args = {
        "limit": 20,
        "nearVector": {"vector": NEAR},
        "groupBy": {"path": ["flag"], "groups": 2, "objectsPerGroup": 3},
    }
    groups = [one["_additional"]["group"] for one in wires.get(args, group)]
    assert [one["groupedBy"]["value"] for one in groups] == list(found.groups)
    for one, expected in zip(groups, found.groups.values(), strict=True):
        assert one["groupedBy"]["path"] == ["flag"]
        assert one["count"] == expected.number_of_objects
        assert one["minDistance"] == pytest.approx(expected.min_distance)
        assert one["maxDistance"] == pytest.approx(expected.max_distance)
        assert [hit["_additional"]["id"] for hit in one["hits"]] == [str(hit.uuid) for hit in expected.objects]
        assert [hit["title"] for hit in one["hits"]] == [hit.properties["title"] for hit in expected.objects]


# -- questions made by hypothesis


def _conditions() -> st.SearchStrategy[tuple[Any, dict[str, Any]]]:
    """A filter as the client has it, and as GraphQL spells it."""
    comparisons = {
        "Equal": "equal",
        "NotEqual": "not_equal",
        "GreaterThan": "greater_than",
        "LessThanEqual": "less_or_equal",
    }

    def compared(property: str, key: str) -> Callable[[tuple[str, Any]], tuple[Any, dict[str, Any]]]:
        def of(drawn: tuple[str, Any]) -> tuple[Any, dict[str, Any]]:
            operator, value = drawn
            mine = getattr(Filter.by_property(property), comparisons[operator])(value)
            return mine, {"operator": Word(operator), "path": [property], key: value}

        return of

    any_of_them = st.sampled_from(list(comparisons))
    equality = st.sampled_from(["Equal", "NotEqual"])
    return st.one_of(
        st.tuples(any_of_them, st.integers(-5, 12)).map(compared("n", "valueInt")),
        st.tuples(any_of_them, st.floats(0, 4, width=32)).map(compared("x", "valueNumber")),
        st.tuples(equality, st.booleans()).map(compared("flag", "valueBoolean")),
        st.tuples(equality, st.sampled_from(WORDS)).map(compared("title", "valueText")),
        st.lists(st.sampled_from(WORDS), min_size=1, max_size=3).map(
            lambda words: (
                Filter.by_property("tags").contains_any(words),
                {"operator": Word("ContainsAny"), "path": ["tags"], "valueText": words},
            )
        ),
    )


def _joined(inner: st.SearchStrategy[tuple[Any, dict[str, Any]]]) -> st.SearchStrategy[tuple[Any, dict[str, Any]]]:
    def of(drawn: tuple[str, list[tuple[Any, dict[str, Any]]]]) -> tuple[Any, dict[str, Any]]:
        operator, parts = drawn
        join = Filter.all_of if operator == "And" else Filter.any_of
        return join([mine for mine, _ in parts]), {"operator": Word(operator), "operands": [one for _, one in parts]}

    return st.tuples(st.sampled_from(["And", "Or"]), st.lists(inner, min_size=2, max_size=3)).map(of)


FILTERS = st.recursive(_conditions(), _joined, max_leaves=5)
VECTORS = st.lists(st.sampled_from([-1.0, -0.5, 0.25, 1.0]), min_size=3, max_size=3)
SEARCHES = st.one_of(
    st.none(),
    VECTORS.map(lambda v: ("near_vector", {"near_vector": v}, {"nearVector": {"vector": v}})),
    st.lists(st.sampled_from(WORDS), min_size=1, max_size=3).map(
        lambda words: ("bm25", {"query": " ".join(words)}, {"bm25": {"query": " ".join(words)}})
    ),
    st.tuples(st.sampled_from(WORDS), VECTORS, st.sampled_from([0.0, 0.25, 0.5, 1.0])).map(
        lambda drawn: (
            "hybrid",
            {"query": drawn[0], "vector": drawn[1], "alpha": drawn[2]},
            {"hybrid": {"query": drawn[0], "vector": drawn[1], "alpha": drawn[2]}},
        )
    ),
)
SORTS = st.tuples(st.sampled_from(["n", "x", "title", "when"]), st.booleans())


@settings(max_examples=60, suppress_health_check=list(HealthCheck))
@given(
    search=SEARCHES,
    condition=st.none() | FILTERS,
    limit=st.integers(1, 30),
    offset=st.integers(0, 5),
    sort=st.none() | SORTS,
)
def test_questions_of_any_kind_have_one_answer(
    wires: Wires,
    search: tuple[str, dict[str, Any], dict[str, Any]] | None,
    condition: tuple[Any, dict[str, Any]] | None,
    limit: int,
    offset: int,
    sort: tuple[str, bool] | None,
) -> None:
    options: dict[str, Any] = {"limit": limit, "offset": offset}
    args: dict[str, Any] = {"limit": limit, "offset": offset}
    params: dict[str, Any] = {"limit": limit, "offset": offset}
    if condition is not None:
        options["filters"], args["where"] = condition
    if search is not None:
        name, more, spelling = search
        options.update(more)
        args.update(spelling)
    else:
        name = "fetch_objects"
        if sort is not None:
            options["sort"] = Sort.by_property(sort[0], ascending=sort[1])
            order = "asc" if sort[1] else "desc"
            args["sort"] = [{"path": [sort[0]], "order": Word(order)}]
            params |= {"sort": sort[0], "order": order}
    note(spelled(args))
    expected = from_grpc(getattr(Whole(wires.grpc.query), name)(**options))
    assert_same(expected, from_graphql(wires.get(args)))
    if search is None and condition is None:
        assert_same(expected, from_rest(wires.rest(params)))
