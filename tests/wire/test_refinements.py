"""What a query asks beside its search: profiles, diversity, boosts; and aggregations over what a search finds."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from weaviate.classes.aggregate import Metrics
from weaviate.classes.config import Configure, DataType, Property
from weaviate.classes.query import Boost, Diversity, Filter, GroupBy, HybridVector, MetadataQuery, Rerank, Sort
from weaviate.classes.tenants import Tenant

Make = Callable[..., Any]
VECTORS = {
    "a1": [1.0, 0.0, 0.0],
    "a2": [0.95, 0.05, 0.0],
    "a3": [0.9, 0.1, 0.0],
    "b1": [0.0, 1.0, 0.0],
    "c1": [0.0, 0.0, 1.0],
}
PROFILE = MetadataQuery(query_profile=True)
DURATION = re.compile(r"[\d.]+(ns|µs|ms|s)")


@pytest.fixture
def things(make: Make) -> Any:
    made = make(
        properties=[Property(name="text", data_type=DataType.TEXT), Property(name="n", data_type=DataType.INT)],
        vector_config=Configure.Vectors.self_provided(),
    )
    for n, (text, vector) in enumerate(VECTORS.items()):
        made.data.insert({"text": text, "n": n}, vector=vector)
    return made


def texts(found: Any) -> list[str]:
    return [one.properties["text"] for one in found.objects]


def searches(found: Any) -> dict[str, dict[str, str]]:
    (shard,) = found.query_profile.shards
    assert shard.name and shard.node
    for search in shard.searches.values():
        for name, value in search.details.items():
            assert DURATION.fullmatch(value) or not name.endswith("_took"), (name, value)
    return {kind: search.details for kind, search in shard.searches.items()}


def test_profiles_tell_of_the_searches_that_were_made(things: Any) -> None:
    query = things.query
    listed = searches(query.fetch_objects(return_metadata=PROFILE, sort=Sort.by_property("n")))
    assert set(listed) == {"object"}
    assert {"total_took", "sort_took", "objects_took"} <= set(listed["object"])

    near = searches(query.near_vector([1, 0, 0], return_metadata=PROFILE, filters=Filter.by_property("n").less_than(3)))
    assert set(near) == {"vector"}
    assert near["vector"]["hnsw_flat_search"] == "true"
    assert near["vector"]["filters_ids_matched"] == "3"
    assert {"vector_search_took", "knn_search_layer_0_took", "objects_took", "filters_build_allow_list_took"} <= set(
        near["vector"]
    )

    words = searches(query.bm25("a1", return_metadata=PROFILE))
    assert set(words) == {"keyword"}
    assert words["keyword"]["kwd_6_res_count"] == "1"
    assert {"kwd_method", "kwd_time", "kwd_1_tok_time"} <= set(words["keyword"])

    both = searches(query.hybrid("a1", vector=[1, 0, 0], return_metadata=PROFILE))
    assert set(both) == {"keyword", "vector"}

    grouped = query.near_vector(
        [1, 0, 0], return_metadata=PROFILE, group_by=GroupBy(prop="text", objects_per_group=1, number_of_groups=2)
    )
    assert set(searches(grouped)) == {"vector"}


def test_no_profile_unless_asked_for(things: Any) -> None:
    assert things.query.near_vector([1, 0, 0], return_metadata=MetadataQuery.full()).query_profile is None


def test_a_profile_names_the_tenant_as_its_shard(make: Make) -> None:
    things = make(multi_tenancy_config=Configure.multi_tenancy(enabled=True))
    things.tenants.create([Tenant(name="one")])
    found = things.with_tenant("one").query.fetch_objects(return_metadata=PROFILE)
    assert [shard.name for shard in found.query_profile.shards] == ["one"]


def test_diversity_of_a_hybrid_search(things: Any) -> None:
    def ask(balance: float, **options: Any) -> list[str]:
        return texts(
            things.query.hybrid(
                None,
                vector=HybridVector.near_vector([1, 0, 0]),
                limit=5,
                diversity_selection=Diversity.mmr(limit=3, balance=balance),
                **options,
            )
        )

    assert ask(1.0) == ["a1", "a2", "a3"]
    assert ask(0.0)[0] == "a1"
    assert set(ask(0.0)) == {"a1", "b1", "c1"}
    assert ask(1.0, offset=1)[0] == "a2"


def test_the_distance_of_a_sub_search_limits_the_vector_leg_alone(things: Any) -> None:
    near = HybridVector.near_vector([1, 0, 0], distance=0.001)
    assert texts(things.query.hybrid(None, vector=near)) == ["a1"]
    assert set(texts(things.query.hybrid("c1", vector=near))) == {"a1", "c1"}
    assert texts(things.query.hybrid("c1", vector=[1, 0, 0], max_vector_distance=0.001)) == ["a1"]


def test_a_boost_considers_no_more_than_the_server_returns(things: Any) -> None:
    boost = Boost.filter(Filter.by_property("text").equal("c1"), weight=0.9, depth=2**31 - 1)
    assert texts(things.query.near_vector([1, 0, 0], limit=1, boost=boost)) == ["c1"]
    assert texts(things.query.bm25("a1 c1", limit=1, boost=boost)) == ["c1"]


def test_reranking_orders_the_hits_and_the_groups(make: Make) -> None:
    things = make(
        properties=[Property(name="text", data_type=DataType.TEXT), Property(name="kind", data_type=DataType.TEXT)],
        vector_config=Configure.Vectors.self_provided(),
        reranker_config=Configure.Reranker.custom("reranker-dummy"),
    )
    for text, kind in [("one", "short"), ("one two", "short"), ("one two three", "long")]:
        things.data.insert({"text": text, "kind": kind}, vector=[1.0, float(len(text))])
    rerank = Rerank(prop="text", query="two")
    for found in (
        things.query.bm25("one", rerank=rerank),
        things.query.hybrid("one", vector=[1, 3], rerank=rerank),
        things.query.near_vector([1, 3], rerank=rerank),
    ):
        assert texts(found) == ["one two three", "one two", "one"]
        assert [one.metadata.rerank_score for one in found.objects] == [13.0, 7.0, 3.0]
    by_kind = GroupBy(prop="kind", objects_per_group=2, number_of_groups=2)
    for found in (
        things.query.near_vector([1, 3], rerank=rerank, group_by=by_kind),
        things.query.hybrid("one", alpha=1, vector=[1, 3], rerank=rerank, group_by=by_kind),
    ):
        groups = found.groups.items()
        assert [(name, group.rerank_score) for name, group in groups] == [("long", 13.0), ("short", 3.0)]
        assert texts(found) == ["one two three", "one", "one two"], "the first of each group was ranked"
    found = things.query.bm25("one", rerank=rerank, group_by=by_kind)
    assert [(name, group.rerank_score) for name, group in found.groups.items()] == [("long", 13.0), ("short", 7.0)]
    assert texts(found) == ["one two three", "one two", "one"], "by words all are ranked, and then grouped"


def test_a_group_is_described_by_its_first_hit_and_all_groups_together(make: Make) -> None:
    things = make(
        properties=[Property(name="text", data_type=DataType.TEXT), Property(name="kind", data_type=DataType.TEXT)],
        vector_config=Configure.Vectors.self_provided(),
        generative_config=Configure.Generative.custom("generative-dummy"),
    )
    for text, kind in [("one", "short"), ("two", "short"), ("three", "long")]:
        things.data.insert({"text": text, "kind": kind}, vector=[1.0, float(len(text))])
    reply = things.generate.near_vector(
        [1, 3],
        single_prompt="say {text}",
        grouped_task="sum up",
        group_by=GroupBy(prop="kind", objects_per_group=2, number_of_groups=2),
    )
    assert list(reply.groups) == ["short", "long"]
    first = reply.groups["short"].objects[0].properties["text"]
    assert [f"say {text}." in reply.groups[kind].generated for kind, text in [("short", first), ("long", "three")]] == [
        True,
        True,
    ]
    assert "sum up: [" in reply.generated
    assert [f'"{text}"' in reply.generated for text in ("one", "two", "three")] == [
        first == "one",
        first == "two",
        True,
    ]


def test_each_leg_of_an_aggregated_hybrid_search_is_limited(things: Any) -> None:
    def count(**options: Any) -> int:
        found = things.aggregate.hybrid(return_metrics=[Metrics("text").text(count=True)], total_count=True, **options)
        assert found.properties["text"].count == found.total_count
        return int(found.total_count)

    assert count(query=None, vector=[1, 0, 0], object_limit=2) == 2
    assert count(query="c1", vector=[1, 0, 0], alpha=0.5, object_limit=1) == 2
    assert count(query="c1", vector=[1, 0, 0], alpha=0, object_limit=1) == 1


def test_the_values_of_texts_are_returned_without_their_counts(things: Any) -> None:
    found = things.aggregate.over_all(
        filters=Filter.by_property("n").equal(1), return_metrics=[Metrics("text").text(top_occurrences_value=True)]
    )
    assert [one.value for one in found.properties["text"].top_occurrences] == ["a2"]


def test_nodes_list_the_shards_of_tenants_that_are_not_in_use(make: Make, client: Any) -> None:
    things = make(multi_tenancy_config=Configure.multi_tenancy(enabled=True))
    things.tenants.create([Tenant(name="one"), Tenant(name="two")])
    (node,) = client.cluster.nodes(things.name, output="verbose")
    assert sorted(shard.name for shard in node.shards) == ["one", "two"]
