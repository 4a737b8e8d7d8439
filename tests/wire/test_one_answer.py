"""The same question over REST, gRPC and GraphQL has the same answer: ids, order, scores, distances, values."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import httpx
import pytest
import weaviate
from hypothesis import HealthCheck, given, note, settings
from hypothesis import strategies as st
from weaviate.classes.aggregate import GroupByAggregate, Metrics
from weaviate.classes.config import Configure, DataType, Property, ReferenceProperty
from weaviate.classes.data import DataObject, GeoCoordinate
from weaviate.classes.query import (
    BM25Operator,
    Filter,
    GroupBy,
    HybridFusion,
    MetadataQuery,
    QueryReference,
    Sort,
)

from server import Server

NAME, MAKER = "OneAnswer", "OneAnswerMaker"
WORDS = ("ash", "birch", "cedar", "elm", "fir")
PLAIN = ("title", "n", "x", "flag", "tags", "when")
SHOWN = "title n x flag tags when place{latitude longitude} part{size} by{... on OneAnswerMaker{name _additional{id}}}"
TOLD = "_additional{id distance certainty score creationTimeUnix lastUpdateTimeUnix vectors{default}}"
FULL = MetadataQuery.full()
MADE = QueryReference(link_on="by", return_properties=["name"])


class Word(str):
    """A word of GraphQL that stands without quotes."""


def spelled(value: Any) -> str:
    """A value as GraphQL spells it."""
    match value:
        case Word():
            return str(value)
        case dict():
            return f"{{{' '.join(f'{key}:{spelled(one)}' for key, one in value.items())}}}"
        case list() | tuple():
            return f"[{','.join(spelled(one) for one in value)}]"
        case _:
            return json.dumps(value)


@dataclass
class Wires:
    """One collection as three clients see it."""

    server: Server
    client: weaviate.WeaviateClient
    http: httpx.Client

    @property
    def grpc(self) -> Any:
        return self.client.collections.use(NAME)

    def graphql(self, query: str, **variables: Any) -> Any:
        body = self.http.post("/graphql", json={"query": query, "variables": variables}).json()
        assert "errors" not in body, body["errors"]
        return body["data"]

    def get(self, args: Mapping[str, Any], shown: str = f"{SHOWN} {TOLD}") -> list[dict[str, Any]]:
        listed = " ".join(f"{key}:{spelled(value)}" for key, value in args.items())
        found = self.graphql(f"{{Get{{{NAME}{f'({listed})' if args else ''}{{{shown}}}}}}}")["Get"][NAME]
        assert isinstance(found, list)
        return found

    def rest(self, params: Mapping[str, Any]) -> list[dict[str, Any]]:
        body = self.http.get("/objects", params={"class": NAME, "include": "vector", **params}).json()
        objects = body["objects"]
        assert isinstance(objects, list)
        return objects


@pytest.fixture(scope="module")
def wires(server: Server, client: weaviate.WeaviateClient) -> Iterator[Wires]:
    client.collections.delete([NAME, MAKER])
    makers = client.collections.create(MAKER, properties=[Property(name="name", data_type=DataType.TEXT)])
    things = client.collections.create(
        NAME,
        properties=[
            Property(name="title", data_type=DataType.TEXT),
            Property(name="n", data_type=DataType.INT),
            Property(name="x", data_type=DataType.NUMBER),
            Property(name="flag", data_type=DataType.BOOL),
            Property(name="tags", data_type=DataType.TEXT_ARRAY),
            Property(name="when", data_type=DataType.DATE),
            Property(name="place", data_type=DataType.GEO_COORDINATES),
            Property(
                name="part",
                data_type=DataType.OBJECT,
                nested_properties=[Property(name="size", data_type=DataType.INT)],
            ),
        ],
        references=[ReferenceProperty(name="by", target_collection=MAKER)],
        vector_config=Configure.Vectors.self_provided(),
        inverted_index_config=Configure.inverted_index(
            index_null_state=True, index_property_length=True, index_timestamps=True
        ),
    )
    made_by = [makers.data.insert({"name": f"maker {i}"}, uuid=UUID(int=100 + i)) for i in range(3)]
    things.data.insert_many([_thing(i, made_by[i % 3]) for i in range(24)])
    with httpx.Client(base_url=server.url("/v1")) as http:
        yield Wires(server, client, http)
    client.collections.delete([NAME, MAKER])


def _thing(i: int, by: Any) -> DataObject[Any, Any]:
    properties: dict[str, Any] = {
        "title": f"{WORDS[i % 5]} {WORDS[i % 3]} {WORDS[i % 4]} no{i}",
        "n": (i * 7) % 12 - 3,
        "x": i / 7,
        "flag": i % 3 == 0,
        "when": f"2024-01-{i + 1:02}T00:00:00Z",
        "place": GeoCoordinate(latitude=i, longitude=2 * i),
        "part": {"size": i},
    }
    if i % 4:
        properties["tags"] = [WORDS[i % 5], "all"]
    angle = i / 5
    return DataObject(
        properties,
        uuid=UUID(int=i + 1),
        vector=[math.cos(angle), math.sin(angle), 0.1 * (i % 3)],
        references={"by": by},
    )


# -- each wire's answer in one form


def from_grpc(found: Any) -> list[dict[str, Any]]:
    return [
        {
            "id": str(one.uuid),
            "distance": one.metadata.distance,
            "certainty": one.metadata.certainty,
            "score": one.metadata.score,
            "created": one.metadata.creation_time and round(one.metadata.creation_time.timestamp() * 1000),
            "vector": one.vector.get("default"),
            "by": [
                (str(made.uuid), made.properties["name"])
                for made in (one.references["by"].objects if one.references else ())
            ],
            "place": (one.properties["place"].latitude, one.properties["place"].longitude),
            "part": one.properties["part"],
            "when": one.properties["when"].strftime("%Y-%m-%dT%H:%M:%SZ"),
            **{name: one.properties[name] for name in PLAIN if name != "when"},
        }
        for one in found.objects
    ]


def from_graphql(found: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [
        {
            "id": one["_additional"]["id"],
            "distance": one["_additional"]["distance"],
            "certainty": one["_additional"]["certainty"],
            "score": float(one["_additional"]["score"]),
            "created": int(one["_additional"]["creationTimeUnix"]),
            "vector": one["_additional"]["vectors"]["default"],
            "by": [(made["_additional"]["id"], made["name"]) for made in one["by"]],
            "place": (one["place"]["latitude"], one["place"]["longitude"]),
            "part": one["part"],
            **{name: one[name] for name in PLAIN},
        }
        for one in found
    ]


def from_rest(found: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [
        {
            "id": one["id"],
            "created": one["creationTimeUnix"],
            "vector": one["vectors"]["default"],
            "place": (one["properties"]["place"]["latitude"], one["properties"]["place"]["longitude"]),
            "part": one["properties"]["part"],
            **{name: one["properties"].get(name) for name in PLAIN},
        }
        for one in found
    ]


def assert_same(grpc: list[dict[str, Any]], other: list[dict[str, Any]]) -> None:
    """float32 on the wire of gRPC, so numbers agree to its precision."""
    assert [one["id"] for one in grpc] == [one["id"] for one in other]
    for mine, theirs in zip(grpc, other, strict=True):
        for key, value in theirs.items():
            expected = (
                [uuid for uuid, _ in mine[key]] if key == "by" and value and isinstance(value[0], str) else mine[key]
            )
            if key in ("distance", "certainty", "score"):
                assert (value is None) == (expected is None), (key, mine, theirs)
                assert value is None or value == pytest.approx(expected, rel=1e-6, abs=1e-7), (key, mine, theirs)
            elif key in ("vector", "place"):
                assert value == pytest.approx(expected, rel=1e-6), key
            else:
                assert value == expected, (key, mine, theirs)


# -- questions written by hand

NEAR = [0.6, 0.8, 0.1]
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


class _Query:
    """The client's searches, each with all that can be returned."""

    def __init__(self, query: Any) -> None:
        self._query = query

    def __getattr__(self, name: str) -> Any:
        search = getattr(self._query, name)

        def ask(*args: Any, **options: Any) -> Any:
            return search(*args, **options, return_metadata=FULL, include_vector=True, return_references=MADE)

        return ask


@pytest.mark.parametrize("question", QUESTIONS)
def test_every_wire_gives_the_same_objects(wires: Wires, question: str) -> None:
    ask, args, params = QUESTIONS[question]
    expected = from_grpc(ask(_Query(wires.grpc.query)))
    assert expected
    assert_same(expected, from_graphql(wires.get(args)))
    if params is not None:
        assert_same(expected, from_rest(wires.rest(params)))


def test_every_wire_reads_an_object_alike(wires: Wires) -> None:
    uuid = UUID(int=5)
    one = _Query(wires.grpc.query).fetch_objects(filters=Filter.by_id().equal(uuid))
    expected = from_grpc(one)
    where = {"operator": Word("Equal"), "path": ["id"], "valueText": str(uuid)}
    assert_same(expected, from_graphql(wires.get({"where": where})))
    read = wires.http.get(f"/objects/{NAME}/{uuid}", params={"include": "vector"}).json()
    assert_same(expected, from_rest([read]))


def test_groups_are_the_same(wires: Wires) -> None:
    found = wires.grpc.query.near_vector(
        NEAR, limit=20, group_by=GroupBy(prop="flag", objects_per_group=3, number_of_groups=2), return_metadata=FULL
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


def assert_figures(shown: Mapping[str, Any], total: int, figures: Mapping[str, Any]) -> None:
    assert shown["meta"]["count"] == total
    for name in ("count", "sum", "mean", "mode", "median", "maximum", "minimum"):
        assert shown["n"][name] == pytest.approx(getattr(figures["n"], name if name != "sum" else "sum_")), name
    assert shown["n"]["type"] == "int"
    assert shown["x"]["sum"] == pytest.approx(figures["x"].sum_)
    assert shown["x"]["mean"] == pytest.approx(figures["x"].mean)
    assert shown["flag"]["totalTrue"] == figures["flag"].total_true
    assert shown["flag"]["percentageFalse"] == pytest.approx(figures["flag"].percentage_false)
    assert [(one["value"], one["occurs"]) for one in shown["title"]["topOccurrences"]] == [
        (one.value, one.count) for one in figures["title"].top_occurrences
    ]
    assert (shown["when"]["minimum"], shown["when"]["median"]) == (figures["when"].minimum, figures["when"].median)
    assert shown["by"]["pointingTo"] == figures["by"].pointing_to


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
def test_figures_are_the_same(wires: Wires, ask: Ask, args: str) -> None:
    expected = ask(wires.grpc.aggregate)
    (shown,) = wires.graphql(f"{{Aggregate{{{NAME}{args}{{{FIGURES}}}}}}}")["Aggregate"][NAME]
    assert_figures(shown, expected.total_count, expected.properties)


@pytest.mark.parametrize("property", ["flag", "n", "tags"])
def test_grouped_figures_are_the_same(wires: Wires, property: str) -> None:
    expected = wires.grpc.aggregate.over_all(
        group_by=GroupByAggregate(prop=property), total_count=True, return_metrics=METRICS
    )
    fields = "groupedBy{path value} " + FIGURES
    groups = wires.graphql(f'{{Aggregate{{{NAME}(groupBy:["{property}"]){{{fields}}}}}}}')["Aggregate"][NAME]
    assert len(groups) == len(expected.groups)
    for shown, group in zip(groups, expected.groups, strict=True):
        assert shown["groupedBy"]["path"] == [group.grouped_by.prop]
        value = group.grouped_by.value
        assert shown["groupedBy"]["value"] == (str(value).lower() if isinstance(value, bool) else str(value))
        assert_figures(shown, group.total_count, group.properties)


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
    expected = from_grpc(getattr(_Query(wires.grpc.query), name)(**options))
    assert_same(expected, from_graphql(wires.get(args)))
    if search is None and condition is None:
        assert_same(expected, from_rest(wires.rest(params)))
