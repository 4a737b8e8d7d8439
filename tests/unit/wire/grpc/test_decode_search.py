"""Search requests as the official client's own builder makes them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from weaviate.classes.generate import GenerativeConfig, GenerativeParameters
from weaviate.classes.query import (
    BM25Operator,
    Boost,
    Filter,
    HybridFusion,
    HybridVector,
    Move,
    QueryNested,
    QueryReference,
    Rerank,
    Sort,
    TargetVectors,
)
from weaviate.collections.classes.grpc import MMR, MetadataQuery, _MetadataQuery
from weaviate.collections.classes.internal import _Generative, _GroupBy
from weaviate.collections.grpc.query import _QueryGRPC
from weaviate.util import _ServerVersion

from unit.wire.grpc.articles import LEGACY, NAMED
from weft.domain import boost as b
from weft.domain import generation as g
from weft.domain import query as q
from weft.domain.errors import Invalid
from weft.domain.filters import Condition, Operator, PropertyTarget
from weft.protocol import base, base_search, search_get
from weft.wire.grpc.decode_search import decode_search

CLIENT = _QueryGRPC(_ServerVersion(1, 39, 0), "Article", None, None, True, True, True)


def vectors_of(search: Any) -> list[Any]:
    return [v.tolist() for v in search.vectors]


def test_near_vector() -> None:
    query = decode_search(
        CLIENT.near_vector(near_vector=[1.0, 2.0], target_vector="plain", distance=0.5, limit=7, offset=2, autocut=1),
        NAMED,
    )
    assert (query.collection, query.limit, query.offset, query.autocut) == ("Article", 7, 2, 1)
    assert isinstance(query.search, q.NearVector)
    assert query.search.targets == q.Targets(("plain",))
    assert query.search.max_distance == 0.5
    assert query.search.min_certainty is None
    assert vectors_of(query.search) == [[1, 2]]


def test_near_vector_of_a_legacy_collection_has_no_target() -> None:
    search = decode_search(CLIENT.near_vector(near_vector=[1.0]), LEGACY).search
    assert isinstance(search, q.NearVector)
    assert search.targets == q.Targets()
    assert len(search.vectors) == 1


def test_multi_vector_query() -> None:
    search = decode_search(CLIENT.near_vector(near_vector=[[1.0, 2.0]], target_vector="colbert"), NAMED).search
    assert isinstance(search, q.NearVector)
    assert search.vectors[0].shape == (1, 2)


def test_several_query_vectors_with_weights() -> None:
    targets = TargetVectors.manual_weights({"plain": [1, 0.5], "other": 2})
    search = decode_search(
        CLIENT.near_vector(near_vector={"plain": [[1.0, 0.0], [0.0, 1.0]], "other": [2.0]}, target_vector=targets),
        NAMED,
    ).search
    assert isinstance(search, q.NearVector)
    assert search.targets == q.Targets(("plain", "plain", "other"), q.Combination.MANUAL, (1, 0.5, 2))
    assert vectors_of(search) == [[1, 0], [0, 1], [2]]


@pytest.mark.parametrize(
    ("join", "combination"),
    [
        (TargetVectors.sum(["plain", "other"]), q.Combination.SUM),
        (TargetVectors.average(["plain", "other"]), q.Combination.AVERAGE),
        (TargetVectors.minimum(["plain", "other"]), q.Combination.MINIMUM),
        (["plain", "other"], q.Combination.MINIMUM),
    ],
)
def test_combinations(join: Any, combination: q.Combination) -> None:
    search = decode_search(CLIENT.near_text(near_text="x", target_vector=join), NAMED).search
    assert isinstance(search, q.NearText)
    assert search.targets == q.Targets(("plain", "other"), combination)


def test_a_certainty_of_0_is_none() -> None:
    search = decode_search(CLIENT.near_text(near_text="a", certainty=0.0), NAMED).search
    assert isinstance(search, q.NearText)
    assert search.min_certainty is None


def test_near_text_with_moves() -> None:
    uuid = "00000000-0000-0000-0000-00000000000a"
    search = decode_search(
        CLIENT.near_text(
            near_text=["a", "b"],
            certainty=0.75,
            move_to=Move(force=0.5, concepts=["c"], objects=[uuid]),
            move_away=Move(force=0.25, concepts="d"),
        ),
        NAMED,
    ).search
    assert search == q.NearText(
        min_certainty=0.75,
        texts=("a", "b"),
        move_to=q.Move(0.5, ("c",), (uuid,)),
        move_away=q.Move(0.25, ("d",)),
    )


@pytest.mark.parametrize("kind", list(q.MediaKind))
def test_near_media(kind: Any) -> None:
    search = decode_search(CLIENT.near_media(media="aGk=", type_=kind.value, distance=0.5), NAMED).search
    assert search == q.NearMedia(max_distance=0.5, kind=kind, data="aGk=")


def test_near_object_and_selection() -> None:
    request = CLIENT.near_object(near_object="x", diversity_selection=MMR(limit=3, balance=0.5), limit=5)
    assert decode_search(request, NAMED).search == q.NearObject(uuid="x", mmr=q.Mmr(3, 0.5))
    request.limit = 2
    with pytest.raises(Invalid, match=r"MMR limit \(3\) cannot be larger than the query limit \(2\)"):
        decode_search(request, NAMED)


def test_keyword() -> None:
    request = CLIENT.bm25(query="hello", properties=["Title^2", "body"], operator=BM25Operator.or_(2))
    assert decode_search(request, NAMED).search == q.Keyword("hello", ("title^2", "body"), q.MatchOperator.OR, 2)
    request = CLIENT.bm25(query="hello", operator=BM25Operator.and_())
    assert decode_search(request, NAMED).search == q.Keyword("hello", (), q.MatchOperator.AND)
    request = CLIENT.bm25(query="hello", operator=BM25Operator.and_cross())
    assert decode_search(request, NAMED).search == q.Keyword("hello", (), q.MatchOperator.AND_CROSS)


def test_hybrid_defaults() -> None:
    search = decode_search(CLIENT.hybrid(query="hello"), NAMED).search
    assert search == q.Hybrid(q.Keyword("hello"), alpha=0.75, fusion=q.Fusion.RELATIVE_SCORE)


def test_hybrid_with_a_vector() -> None:
    search = decode_search(
        CLIENT.hybrid(
            query="hello",
            alpha=0.25,
            vector=[1.0, 2.0],
            fusion_type=HybridFusion.RANKED,
            distance=0.5,
            target_vector="plain",
            diversity_selection=MMR(limit=2, balance=1.0),
        ),
        NAMED,
    ).search
    assert isinstance(search, q.Hybrid)
    assert (search.alpha, search.fusion, search.max_vector_distance) == (0.25, q.Fusion.RANKED, 0.5)
    assert search.mmr == q.Mmr(2, 1.0)
    assert search.targets == q.Targets(("plain",))
    assert isinstance(search.near, q.NearVector)
    assert vectors_of(search.near) == [[1, 2]]


def test_hybrid_with_sub_searches() -> None:
    near_text = decode_search(CLIENT.hybrid(query="a", vector=HybridVector.near_text("b", distance=0.5)), NAMED).search
    assert isinstance(near_text, q.Hybrid)
    assert near_text.near == q.NearText(texts=("b",), max_distance=0.5)
    near_vector = decode_search(
        CLIENT.hybrid(
            query="a",
            vector=HybridVector.near_vector({"plain": [[1.0], [2.0]]}),
            target_vector=["plain"],
        ),
        NAMED,
    ).search
    assert isinstance(near_vector, q.Hybrid)
    assert near_vector.targets.names == ("plain", "plain")
    assert isinstance(near_vector.near, q.NearVector)
    assert vectors_of(near_vector.near) == [[1], [2]]


def test_hybrid_before_alpha_could_be_absent() -> None:
    message = base_search.Hybrid(query="a", alpha=0.5)
    search = decode_search(search_get.SearchRequest(hybrid_search=message), NAMED).search
    assert isinstance(search, q.Hybrid)
    assert search.alpha == 0.5


def test_fetch_with_sort_filter_and_cursor() -> None:
    query = decode_search(
        CLIENT.get(
            limit=3,
            after="00000000-0000-0000-0000-00000000000a",
            sort=Sort.by_property("title", ascending=False).by_id(),
            filters=Filter.by_property("title").equal("x"),
        ),
        NAMED,
    )
    assert query.after == "00000000-0000-0000-0000-00000000000a"
    assert query.sort == (q.Sort("title", False), q.Sort("_id"))
    assert query.filter == Condition(Operator.EQUAL, PropertyTarget("title"), "x")
    assert query.search is None


def test_returns() -> None:
    query = decode_search(
        CLIENT.get(
            return_metadata=_MetadataQuery.from_public(MetadataQuery.full(), ["plain"]),
            return_properties=["title", QueryNested(name="place", properties=["name"])],
            return_references=QueryReference(
                link_on="author", return_properties=["name"], return_metadata=MetadataQuery(distance=True)
            ),
        ),
        NAMED,
    )
    returns = query.returns
    assert returns.properties == ("title",)
    assert returns.nested == (q.NestedSelection("place", ("name",)),)
    assert returns.vectors == ("plain",)
    assert returns.uuid
    assert returns.created
    assert returns.score
    (reference,) = returns.references
    assert reference.property == "author"
    assert reference.returns.properties == ("name",)
    assert reference.returns.distance
    assert reference.collection is None


@pytest.mark.parametrize(
    "asked",
    [
        {"non_ref_properties": ["nope"]},
        {"object_properties": [{"prop_name": "nope"}]},
        {"ref_properties": [{"reference_property": "nope"}]},
    ],
)
def test_unknown_properties_are_refused(asked: dict[str, Any]) -> None:
    with pytest.raises(Invalid, match="no such prop with name 'nope' found in class 'Article'"):
        decode_search(search_get.SearchRequest(properties=asked), NAMED)


def test_no_metadata_asked_means_none() -> None:
    assert decode_search(search_get.SearchRequest(), NAMED).returns == q.Returns(uuid=False)


def test_group_by_rerank_boost() -> None:
    query = decode_search(
        CLIENT.near_vector(
            near_vector=[1.0],
            target_vector="plain",
            group_by=_GroupBy(prop="title", number_of_groups=2, objects_per_group=3),
            rerank=Rerank(prop="title", query="q"),
            boost=Boost.blend(
                [
                    Boost.filter(Filter.by_property("title").equal("x"), weight=2),
                    Boost.numeric_decay("words", origin=10, scale=5),
                    Boost.time_decay("date", scale="7d"),
                    Boost.numeric_property("words", modifier="log1p"),
                ],
                weight=0.25,
            ),
        ),
        NAMED,
    )
    assert query.group_by == q.GroupBy("title", 2, 3)
    assert query.rerank == g.Rerank("title", "q")
    assert query.boost is not None
    assert query.boost.weight == 0.25
    assert [type(c.by) for c in query.boost.conditions] == [Condition, b.NumericDecay, b.TimeDecay, b.PropertyValue]
    assert query.boost.conditions[0].weight == 2


def test_generative_with_a_provider() -> None:
    generative = _Generative(
        single="write about {title}",
        grouped="compare",
        grouped_properties=["title"],
        generative_provider=GenerativeConfig.openai(model="m", temperature=0.5, reasoning_effort="low", stop=["."]),
    )
    query = decode_search(CLIENT.get(generative=generative), NAMED)
    assert query.generate is not None
    parameters = {"model": "m", "temperature": 0.5, "reasoning_effort": "low", "stop": ["."], "is_azure": False}
    assert query.generate == g.Generate(
        g.Prompt("write about {title}", "openai", parameters), g.Prompt("compare", "openai", parameters), ("title",)
    )


def test_each_prompt_has_its_own_images_and_details() -> None:
    generative = _Generative(
        single=GenerativeParameters.single_prompt("one", images=["dHdv"], debug=True),
        grouped=GenerativeParameters.grouped_task("all", image_properties=["photo"], metadata=True),
        grouped_properties=None,
        generative_provider=GenerativeConfig.ollama(model="m"),
    )
    assert decode_search(CLIENT.get(generative=generative), NAMED).generate == g.Generate(
        g.Prompt("one", "ollama", {"model": "m", "images": ["dHdv"]}, debug=True),
        g.Prompt("all", "ollama", {"model": "m", "image_properties": ["photo"]}, metadata=True),
    )


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({"near_vector": {}, "bm25_search": {}}, "one search"),
        ({"near_object": {}}, "near_object: id is required"),
        ({"near_object": {"id": "x", "distance": 1, "certainty": 1}}, "cannot provide distance and certainty"),
        ({"near_object": {"id": "x", "distance": float("nan")}}, "finite"),
        ({"bm25_search": {}, "sort_by": [{"path": ["a"]}]}, "sorting cannot be combined with search"),
        ({"sort_by": [{"path": []}]}, "sort path"),
        ({"group_by": {"path": ["a", "b"]}}, "groupby path can only have one entry"),
        ({"group_by": {"path": ["a"], "number_of_groups": -1}}, "negative"),
        ({"hybrid_search": {"query": "a", "alpha": 1.5}}, "alpha should be between"),
        ({"hybrid_search": {"near_text": {}, "near_vector": {}}}, "cannot combine nearText and nearVector"),
        ({"hybrid_search": {"near_text": {}, "vector": [1.0]}}, "cannot combine nearText and vector"),
        ({"hybrid_search": {"near_text": {"selection": {"mmr": {"limit": 1}}}}}, "top-level hybrid search"),
        ({"near_text": {"query": ["a"], "selection": {"mmr": {}}}}, "MMR limit must be at least 1"),
        ({"near_text": {"query": ["a"], "selection": {"mmr": {"limit": 1, "balance": 2}}}}, "between 0 and 1"),
        ({"boost": {}}, "at least one condition"),
        ({"boost": {"conditions": [{}]}}, "exactly one of"),
        ({"boost": {"conditions": [{"numeric_decay": {"property": "a"}}]}}, "scale must be > 0"),
        ({"boost": {"conditions": [{"time_decay": {"property": "a"}}]}}, "scale is required"),
        ({"boost": {"conditions": [{"property_value": {}}]}}, "property is required"),
    ],
)
def test_contradictions_are_refused(fields: dict[str, Any], text: str) -> None:
    with pytest.raises(Invalid, match=text):
        decode_search(search_get.SearchRequest(**fields), NAMED)


def test_base_of_the_vector_is_not_copied_twice() -> None:
    data = np.arange(4, dtype="<f4").tobytes()
    message = base_search.NearVector(vectors=[base.Vectors(vector_bytes=data)], target_vectors=["plain"])
    search = decode_search(search_get.SearchRequest(near_vector=message), NAMED).search
    assert isinstance(search, q.NearVector)
    assert search.vectors[0].tolist() == [0, 1, 2, 3]
