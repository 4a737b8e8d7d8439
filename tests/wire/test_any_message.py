"""Any message of the protocol is answered, or refused for what is wrong with it; afterwards the server is as it was."""

from __future__ import annotations

import struct
import uuid as uuid_module
from collections import Counter
from collections.abc import Iterator
from typing import Any, TypeAlias

import grpc
import httpx
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from server import Server
from weft.protocol import aggregate, base, batch, batch_delete, search_get, tenants
from wire.messages import joined, messages, spoiled

UUID = str(uuid_module.UUID(int=7))
NAMES = {
    "collection": ("Any", "Any", "Any", "Any", "Many", "Gone"),
    "target_collection": ("Any", "Gone"),
    "tenant": ("", "", "", "one", "two"),
    "names": ("one", "two"),
    "name": ("a", "tokens", "t", "n"),
    "target_vectors": ("a", "tokens"),
    "vectors": ("a", "tokens"),
    "property": ("t", "n", "f", "d", "g", "o", "r"),
    "property_name": ("t", "n", "f", "d", "g", "o", "r"),
    "prop_name": ("t", "n", "f", "d", "g", "o", "r"),
    "prop_name_collection": ("r",),
    "reference_property": ("r",),
    "non_ref_properties": ("t", "n", "f", "d", "g", "p", "o"),
    "properties": ("t", "n", "t^2"),
    "path": ("t", "n", "d", "r"),
    "on": ("t", "r"),
    "uuid": (UUID, str(uuid_module.UUID(int=8))),
    "id": (UUID,),
    "uuids": (UUID,),
    "after": ("", UUID),
    "from_uuid": (UUID,),
    "to_uuid": (UUID,),
    "from_collection": ("Any",),
    "to_collection": ("Any",),
    "key": ("a", "tokens", "t", "n", "f"),
}
CLASSES: list[dict[str, Any]] = [
    {
        "class": "Any",
        "vectorConfig": {
            "a": {"vectorizer": {"none": {}}, "vectorIndexType": "hnsw"},
            "tokens": {
                "vectorizer": {"none": {}},
                "vectorIndexType": "hnsw",
                "vectorIndexConfig": {"multivector": {"enabled": True}},
            },
        },
        "invertedIndexConfig": {"indexNullState": True, "indexPropertyLength": True, "indexTimestamps": True},
        "moduleConfig": {"generative-dummy": {}, "reranker-dummy": {}},
        "properties": [
            {"name": "t", "dataType": ["text"]},
            {"name": "n", "dataType": ["int"], "indexRangeFilters": True},
            {"name": "f", "dataType": ["number[]"]},
            {"name": "d", "dataType": ["date"]},
            {"name": "g", "dataType": ["geoCoordinates"]},
            {"name": "p", "dataType": ["phoneNumber"]},
            {"name": "o", "dataType": ["object"], "nestedProperties": [{"name": "x", "dataType": ["text[]"]}]},
            {"name": "r", "dataType": ["Any"]},
        ],
    },
    {"class": "Many", "vectorizer": "none", "multiTenancyConfig": {"enabled": True, "autoTenantCreation": True}},
    {"class": "Kept", "vectorizer": "none", "properties": [{"name": "t", "dataType": ["text"]}]},
]
VECTOR = {"name": "a", "vectors": [{"name": "a", "vector_bytes": struct.pack("<3f", 1, 2, 3), "type": 1}]}
NEAR: dict[str, Any] = {"targets": {"target_vectors": ["a"]}, "vector_for_targets": [VECTOR]}
LIKE = {"operator": base.Filters.OPERATOR_LIKE, "target": {"property": "t"}, "value_text": "h*"}
BELOW = {"operator": base.Filters.OPERATOR_LESS_THAN, "target": {"property": "n"}, "value_int": 12}
BOTH: dict[str, Any] = {"operator": base.Filters.OPERATOR_AND, "filters": [LIKE, BELOW]}
BY_A = {"target_vectors": ["a"]}
SEARCHES: list[dict[str, Any]] = [
    {},
    {"near_vector": NEAR},
    {"near_vector": {**NEAR, "distance": 0.5}},
    {"near_vector": {**NEAR, "selection": {"mmr": {"limit": 3, "balance": 0.5}}}},
    {"near_object": {"id": UUID, "targets": BY_A}},
    {"bm25_search": {"query": "hello 8", "properties": ["t"]}},
    {"bm25_search": {"query": "hello", "search_operator": {"operator": 2}}},
    {"hybrid_search": {"query": "hello", "alpha": 0.5, "near_vector": NEAR, "targets": BY_A}},
    {"hybrid_search": {"query": "hello", "alpha": 0.0, "fusion_type": 1, "targets": BY_A}},
]
BOOSTS: list[dict[str, Any]] = [
    {"boost": {"conditions": [{"filter": LIKE, "weight": 2}], "weight": 0.5}},
    {"boost": {"conditions": [{"numeric_decay": {"property": "n", "origin": 8, "scale": 3}}], "weight": 0.5}},
]
RETURNED: list[dict[str, Any]] = [
    {"metadata": {"uuid": True, "distance": True, "score": True, "explain_score": True, "vectors": ["a", "tokens"]}},
    {"metadata": {"query_profile": True, "creation_time_unix": True, "vector": True}},
    {"properties": {"return_all_nonref_properties": True}},
    {"properties": {"non_ref_properties": ["t"], "ref_properties": [{"reference_property": "r"}]}},
]
AFTER: list[dict[str, Any]] = [
    {},
    {"group_by": {"path": ["t"], "number_of_groups": 2, "objects_per_group": 2}},
    {"rerank": {"property": "t", "query": "hello"}},
    {"generative": {"single": {"prompt": "{t}"}}},
    {"generative": {"grouped": {"task": "why"}}},
]
PAGES: list[dict[str, Any]] = [{}, {"limit": 3}, {"limit": 5, "offset": 2}, {"autocut": 1}, {"offset": 50}]
PROPERTIES = {"non_ref_properties": {"t": "hello", "n": 3}}
NUMBERS: dict[str, Any] = {"property": "n", "int": {"mean": True, "mode": True, "median": True, "type": True}}
TEXTS: dict[str, Any] = {"property": "t", "text": {"count": True, "top_occurences": True}}
ANY = {"collection": "Any"}
WHOLE: dict[str, st.SearchStrategy[Any]] = {
    "Search": joined(
        search_get.SearchRequest,
        [{**ANY, "uses_123_api": True, "uses_125_api": True, "uses_127_api": True}],
        SEARCHES,
        [{}, {"filters": LIKE}, {"filters": BOTH}],
        [{}, {}, *BOOSTS],
        RETURNED,
        RETURNED,
        AFTER,
        PAGES,
    ),
    "Aggregate": joined(
        aggregate.AggregateRequest,
        [{**ANY, "objects_count": True}],
        [{}, {"filters": BOTH}],
        [{}, {"aggregations": [NUMBERS]}, {"aggregations": [TEXTS, NUMBERS]}],
        [{}, {"group_by": {"property": "t"}}, {"group_by": {"property": "n"}, "limit": 2}],
        [{}, {"near_vector": NEAR, "object_limit": 3}, {"near_vector": {**NEAR, "certainty": 0.6}}],
    ),
    "BatchObjects": joined(
        batch.BatchObjectsRequest,
        [{"objects": [{**ANY, "uuid": UUID, "properties": PROPERTIES, "vectors": VECTOR["vectors"]}]}],
    ),
    "BatchReferences": joined(
        batch.BatchReferencesRequest,
        [{"references": [{"name": "r", "from_collection": "Any", "from_uuid": UUID, "to_uuid": UUID}]}],
    ),
    "BatchDelete": joined(
        batch_delete.BatchDeleteRequest, [{**ANY, "dry_run": True}], [{"filters": BOTH}], [{}, {"verbose": True}]
    ),
    "TenantsGet": joined(tenants.TenantsGetRequest, [{"collection": "Many"}], [{}, {"names": {"values": ["one"]}}]),
}
"""What is answered as it is."""

Stream: TypeAlias = "grpc.StreamStreamMultiCallable[bytes, bytes]"

OURS = {grpc.StatusCode.INTERNAL, grpc.StatusCode.UNKNOWN, grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DATA_LOSS}
"""Codes that say that the server is at fault; no provider of models is asked here."""


@pytest.fixture(scope="module")
def channel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[grpc.Channel]:
    modules = "generative-dummy,reranker-dummy"
    with Server(tmp_path_factory.mktemp("any"), None, "--enable-modules", modules) as server:
        with httpx.Client(base_url=server.url("/v1"), timeout=60) as http:
            for document in CLASSES:
                assert http.post("/schema", json=document).status_code == 200
            http.post("/schema/Many/tenants", json=[{"name": "one"}])
            kept = {"class": "Kept", "id": UUID, "properties": {"t": "hello"}, "vector": [1, 2, 3]}
            some = [
                {
                    "class": "Any",
                    "id": str(uuid_module.UUID(int=i)),
                    "properties": {"t": f"hello {i}", "n": i, "f": [i, 0.5], "d": "2020-01-01T00:00:00Z"},
                    "vectors": {"a": [i, 2, 3], "tokens": [[i, 1], [2, 3]]},
                }
                for i in range(7, 20)
            ]
            assert http.post("/batch/objects", json={"objects": [kept, *some]}).status_code == 200
        with grpc.insecure_channel(f"127.0.0.1:{server.grpc_port}") as made:
            yield made
        assert server.stop() == 0
        assert not [line for line in server.lines if "unexpected error" in line or "Warning" in line]


def call(channel: grpc.Channel, method: str, message: Any) -> grpc.StatusCode:
    unary: grpc.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(f"/weaviate.v1.Weaviate/{method}")
    try:
        unary(message.SerializeToString(), timeout=60)
    except grpc.RpcError as error:
        code: grpc.StatusCode = error.code()
        assert code not in OURS, (code, error.details(), method, message)
        assert error.details()
        return code
    return grpc.StatusCode.OK


def check_known_search(channel: grpc.Channel) -> None:
    asked = search_get.SearchRequest(
        collection="Kept", uses_127_api=True, metadata={"uuid": True}, bm25_search={"query": "hello"}
    )
    search: grpc.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary("/weaviate.v1.Weaviate/Search")
    data = search(asked.SerializeToString(), timeout=60)
    assert [found.metadata.id for found in search_get.SearchReply.FromString(data).results] == [UUID]


def few(examples: int) -> settings:
    return settings(
        max_examples=examples,
        phases=[Phase.generate, Phase.shrink],
        suppress_health_check=list(HealthCheck),
    )


@pytest.mark.parametrize(
    ("method", "kind", "examples"),
    [
        ("Search", search_get.SearchRequest, 400),
        ("Aggregate", aggregate.AggregateRequest, 150),
        ("BatchObjects", batch.BatchObjectsRequest, 100),
        ("BatchReferences", batch.BatchReferencesRequest, 60),
        ("BatchDelete", batch_delete.BatchDeleteRequest, 100),
        ("TenantsGet", tenants.TenantsGetRequest, 40),
    ],
)
def test_any_message(channel: grpc.Channel, method: str, kind: Any, examples: int) -> None:
    codes: Counter[grpc.StatusCode] = Counter()
    whole = WHOLE[method]
    some = st.one_of(whole, spoiled(whole, kind.DESCRIPTOR, NAMES), messages(kind.DESCRIPTOR, NAMES))

    @few(examples)
    @given(some)
    def run(message: Any) -> None:
        codes[call(channel, method, message)] += 1

    run()
    assert codes[grpc.StatusCode.OK] > examples / 6, codes
    check_known_search(channel)


def test_any_stream(channel: grpc.Channel) -> None:
    kind: Any = batch.BatchStreamRequest

    @few(60)
    @given(st.lists(messages(kind.DESCRIPTOR, NAMES), min_size=1, max_size=4), st.booleans())
    def run(asked: list[Any], starts: bool) -> None:
        if starts:
            asked = [batch.BatchStreamRequest(start={}), *asked]
        stream: Stream = channel.stream_stream("/weaviate.v1.Weaviate/BatchStream")
        try:
            for reply in stream(iter([one.SerializeToString() for one in asked]), timeout=60):
                batch.BatchStreamReply.FromString(reply)
        except grpc.RpcError as error:
            assert error.code() not in OURS, (error.code(), error.details(), asked)

    run()
    check_known_search(channel)
