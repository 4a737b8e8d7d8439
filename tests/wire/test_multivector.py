"""Late interaction through the official client, as the protocol's guide to multi-vector embeddings describes it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx
import numpy as np
import pytest
import weaviate
from weaviate.classes.config import Configure, DataType, Property, VectorDistances
from weaviate.classes.query import Filter, GroupBy, MetadataQuery, TargetVectors
from weaviate.exceptions import UnexpectedStatusCodeError, WeaviateQueryError

from server import Server

Make = Callable[..., Any]
ALL = MetadataQuery.full()
DIMS = 16


def documents(count: int, seed: int = 5) -> list[np.ndarray]:
    """Token vectors of different lengths, some nearer to each other than others."""
    rng = np.random.default_rng(seed)
    topics = rng.normal(size=(12, DIMS))
    found = []
    for _ in range(count):
        chosen = rng.integers(0, 12, rng.integers(1, 20))
        found.append((topics[chosen] + 0.5 * rng.normal(size=(len(chosen), DIMS))).astype(np.float32))
    return found


def maxsim(query: np.ndarray, tokens: np.ndarray, *, cosine: bool = True) -> float:
    query, tokens = query.astype(np.float64), tokens.astype(np.float64)
    if cosine:
        query = query / np.linalg.norm(query, axis=1, keepdims=True)
        tokens = tokens / np.linalg.norm(tokens, axis=1, keepdims=True)
    return float((query @ tokens.T).max(axis=1).sum())


def with_tokens(make: Make, docs: list[np.ndarray], **index: Any) -> Any:
    things = make(
        properties=[
            Property(name="n", data_type=DataType.INT),
            Property(name="text", data_type=DataType.TEXT),
            Property(name="kind", data_type=DataType.TEXT),
        ],
        vector_config=[Configure.MultiVectors.self_provided(name="tokens", **index)],
    )
    with things.batch.fixed_size(50) as batch:
        for n, tokens in enumerate(docs):
            batch.add_object(
                {"n": n, "text": f"word{n}", "kind": "even" if n % 2 == 0 else "odd"},
                vector={"tokens": tokens.tolist()},
            )
    assert not things.batch.failed_objects
    return things


def test_what_was_given_comes_back(make: Make) -> None:
    docs = documents(5)
    things = with_tokens(make, docs)
    for found in things.query.fetch_objects(include_vector=True).objects:
        stored = np.asarray(found.vector["tokens"], np.float32)
        assert np.array_equal(stored, docs[found.properties["n"]])


def test_near_vector_is_exact_maxsim(make: Make) -> None:
    docs = documents(120)
    things = with_tokens(make, docs)
    query = documents(1, seed=9)[0]
    found = things.query.near_vector(query.tolist(), target_vector="tokens", limit=10, return_metadata=ALL).objects
    scores = np.asarray([maxsim(query, d) for d in docs])
    assert [f.properties["n"] for f in found] == np.argsort(-scores, kind="stable")[:10].tolist()
    assert [f.metadata.distance for f in found] == pytest.approx(np.sort(-scores)[:10].tolist(), abs=1e-4)
    assert all(f.metadata.certainty is None for f in found), "certainty is of single vectors"


def test_filters_groups_limits_and_distance(make: Make) -> None:
    docs = documents(60)
    things = with_tokens(make, docs)
    query = docs[7]
    scores = np.asarray([maxsim(query, d) for d in docs])
    odd = [n for n in np.argsort(-scores, kind="stable").tolist() if n % 2 == 1]
    where = Filter.by_property("kind").equal("odd")
    found = things.query.near_vector(query.tolist(), target_vector="tokens", filters=where, limit=5, offset=1).objects
    assert [f.properties["n"] for f in found] == odd[1:6]
    limit = float(np.sort(-scores)[3])
    within = things.query.near_vector(query.tolist(), target_vector="tokens", distance=limit + 1e-4, limit=60).objects
    assert len(within) == 4
    grouped = things.query.near_vector(
        query.tolist(),
        target_vector="tokens",
        limit=60,
        group_by=GroupBy(prop="kind", number_of_groups=2, objects_per_group=3),
    )
    assert set(grouped.groups) == {"odd", "even"}


def test_hybrid_with_token_vectors(make: Make) -> None:
    docs = documents(40)
    things = with_tokens(make, docs)
    found = things.query.hybrid("word3", vector=docs[11].tolist(), target_vector="tokens", alpha=0.5, limit=2).objects
    assert {f.properties["n"] for f in found} == {3, 11}


def test_updates_and_deletes_take_effect_at_once(make: Make) -> None:
    docs = documents(30)
    things = with_tokens(make, docs)

    def first() -> int:
        hit = things.query.near_vector(docs[4].tolist(), target_vector="tokens", limit=1).objects[0]
        return int(hit.properties["n"])

    assert first() == 4
    id_ = things.query.fetch_objects(filters=Filter.by_property("n").equal(4)).objects[0].uuid
    things.data.update(id_, vector={"tokens": (-docs[4]).tolist()})
    assert first() != 4
    things.data.update(id_, vector={"tokens": docs[4].tolist()})
    assert first() == 4
    things.data.delete_by_id(id_)
    assert first() != 4


def test_single_and_multi_vectors_side_by_side(make: Make) -> None:
    things = make(
        properties=[Property(name="n", data_type=DataType.INT)],
        vector_config=[
            Configure.Vectors.self_provided(name="whole"),
            Configure.MultiVectors.self_provided(name="tokens"),
        ],
    )
    docs = documents(20)
    for n, tokens in enumerate(docs):
        things.data.insert({"n": n}, vector={"whole": tokens.mean(0).tolist(), "tokens": tokens.tolist()})
    by_tokens = things.query.near_vector(docs[3].tolist(), target_vector="tokens", limit=1).objects[0]
    by_whole = things.query.near_vector(docs[5].mean(0).tolist(), target_vector="whole", limit=1).objects[0]
    assert (by_tokens.properties["n"], by_whole.properties["n"]) == (3, 5)
    both = things.query.near_vector(
        {"whole": docs[8].mean(0).tolist(), "tokens": docs[8].tolist()},
        target_vector=TargetVectors.sum(["whole", "tokens"]),
        limit=1,
    ).objects[0]
    assert both.properties["n"] == 8
    stored = things.query.fetch_objects(include_vector=True, limit=1).objects[0].vector
    assert {name: np.asarray(vector).ndim for name, vector in stored.items()} == {"whole": 1, "tokens": 2}


def test_the_wrong_kind_of_vector_is_refused_in_words(make: Make) -> None:
    things = with_tokens(make, documents(3))
    with pytest.raises(WeaviateQueryError, match="multi"):
        things.query.near_vector([0.5] * DIMS, target_vector="tokens")
    with pytest.raises(WeaviateQueryError, match="dimensions"):
        things.query.near_vector([[0.5] * (DIMS + 1)], target_vector="tokens")
    for vector, words in [([0.5] * DIMS, "multi"), ([[0.5] * (DIMS - 1)], "dimensions"), ([], "empty|vector")]:
        with things.batch.fixed_size(5) as batch:
            batch.add_object({"n": 99}, vector={"tokens": vector})
        (failed,) = things.batch.failed_objects
        assert any(word in failed.message for word in words.split("|")), failed.message
    assert len(things) == 3


@pytest.mark.parametrize(
    "index",
    [
        {"encoding": Configure.VectorIndex.MultiVector.Encoding.muvera(ksim=3, dprojections=8, repetitions=5)},
        {"quantizer": Configure.VectorIndex.Quantizer.sq()},
        {"quantizer": Configure.VectorIndex.Quantizer.rq()},
        {"quantizer": Configure.VectorIndex.Quantizer.bq()},
    ],
    ids=["muvera", "sq", "rq", "bq"],
)
def test_encodings_and_quantizers_keep_the_exact_distance(make: Make, index: dict[str, Any]) -> None:
    docs = documents(80)
    things = with_tokens(make, docs, **index)
    query = docs[13]
    found = things.query.near_vector(query.tolist(), target_vector="tokens", limit=3, return_metadata=ALL).objects
    assert found[0].properties["n"] == 13
    for hit in found:
        assert hit.metadata.distance == pytest.approx(-maxsim(query, docs[hit.properties["n"]]), abs=1e-4)
    config = things.config.get().vector_config["tokens"].vector_index_config
    assert config.multi_vector is not None
    assert (config.multi_vector.encoding is not None) == ("encoding" in index)


def test_dot_product(make: Make) -> None:
    docs = documents(30)
    things = with_tokens(
        make, docs, vector_index_config=Configure.VectorIndex.hnsw(distance_metric=VectorDistances.DOT)
    )
    query = docs[2]
    scores = np.asarray([maxsim(query, d, cosine=False) for d in docs])
    found = things.query.near_vector(query.tolist(), target_vector="tokens", limit=3, return_metadata=ALL).objects
    assert [f.properties["n"] for f in found] == np.argsort(-scores)[:3].tolist()
    assert [f.metadata.distance for f in found] == pytest.approx(np.sort(-scores)[:3].tolist(), rel=1e-5)


def test_explains_which_token_matched_which(make: Make, server: Server) -> None:
    docs = documents(20)
    things = with_tokens(make, docs)
    query = docs[6][:2]
    found = things.query.near_vector(query.tolist(), target_vector="tokens", limit=1, return_metadata=ALL).objects[0]
    assert found.properties["n"] == 6
    assert "Query token 0: document token 0, similarity 1.0000, share 50.0%" in found.metadata.explain_score
    url = server.url(f"/v1/objects/{things.name}/{found.uuid}/explain")
    explained = httpx.post(url, json={"query": query.tolist(), "vector": "tokens", "matrix": True}).json()
    assert explained["distance"] == pytest.approx(found.metadata.distance, abs=1e-5)
    assert [m["documentToken"] for m in explained["matches"]] == [0, 1]
    assert sum(m["share"] for m in explained["matches"]) == pytest.approx(1)
    assert np.asarray(explained["matrix"]).shape == (2, len(docs[6]))
    for body in ({}, {"query": [1.0]}, {"query": [[1.0], [1.0, 2.0]]}, {"query": query.tolist(), "vector": "nope"}):
        assert httpx.post(url, json=body).status_code == 422


def test_bytes_are_reported_by_component(make: Make, server: Server) -> None:
    things = with_tokens(make, documents(20))
    (node,) = httpx.get(server.url(f"/v1/nodes/{things.name}?output=verbose")).json()["nodes"]
    sizes = node["shards"][0]["sizes"]
    assert sizes["objects"] > 0
    assert sizes["vectors/tokens"] >= sum(d.nbytes for d in documents(20))


def test_tokens_can_be_pooled_at_import(make: Make, client: weaviate.WeaviateClient) -> None:
    docs = [d for d in documents(60) if len(d) >= 6]
    name = "TPooledTokens"
    client.collections.delete(name)
    multi = {"enabled": True, "tokenPooling": {"factor": 2}}
    document = {
        "class": name,
        "properties": [{"name": "n", "dataType": ["int"]}],
        "vectorConfig": {"tokens": {"vectorizer": {"none": {}}, "vectorIndexConfig": {"multivector": multi}}},
    }
    things = client.collections.create_from_dict(document)
    for n, tokens in enumerate(docs):
        things.data.insert({"n": n}, vector={"tokens": tokens.tolist()})
    objects = things.query.fetch_objects(include_vector=True, limit=100).objects
    stored = {o.properties["n"]: np.asarray(o.vector["tokens"], np.float32) for o in objects}
    assert {n: len(tokens) for n, tokens in stored.items()} == {n: len(d) // 2 for n, d in enumerate(docs)}
    for query in docs[:5]:
        found = things.query.near_vector(query.tolist(), limit=3, return_metadata=ALL).objects
        best = sorted(range(len(docs)), key=lambda n: -maxsim(query, stored[n]))[:3]
        assert [f.properties["n"] for f in found] == best
        assert found[0].metadata.distance == pytest.approx(-maxsim(query, stored[best[0]]), abs=1e-4)
    document["vectorConfig"]["tokens"]["vectorIndexConfig"]["multivector"]["tokenPooling"] = {"factor": 0}  # type: ignore[index]
    with pytest.raises(UnexpectedStatusCodeError, match="tokenPooling"):
        client.collections.create_from_dict({**document, "class": "TBadPooling"})
    client.collections.delete(name)
