"""Requests of every kind, through the official client, to a server in this process whose collections are small but have
all that large ones have: graphs, codes of each quantizer, centroids, merged segments. Each is made of new objects in
memory, once more after upkeep, and once more after a restart, when indexes are mapped from files.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch

import httpx
import numpy as np
import weaviate
from weaviate.classes.aggregate import GroupByAggregate, Metrics
from weaviate.classes.config import Configure, DataType, Property, VectorDistances
from weaviate.classes.query import BM25Operator, Filter, GroupBy, HybridFusion, MetadataQuery, Sort, TargetVectors
from weaviate.collections import Collection
from weaviate.config import AdditionalConfig, Timeout

import weft
from embedded_engine import shard_of
from weft.embedded import EmbeddedClient

COUNT, DIMS, BUILD_ROWS = 700, 32, 300
_SEED = 7
_PATIENT = AdditionalConfig(timeout=Timeout(query=600, insert=600))
"""Requests wait for the compiler."""

_WORDS = [f"word{n}" for n in range(300)]

_INDEX = Configure.VectorIndex
_CODES = Configure.VectorIndex.Quantizer
_METRICS = (VectorDistances.COSINE, VectorDistances.L2_SQUARED, VectorDistances.DOT, VectorDistances.MANHATTAN)
SINGLE: dict[str, Any] = {
    **{f"plain_{metric.name.lower()}": _INDEX.hnsw(distance_metric=metric) for metric in _METRICS},
    "hamming": _INDEX.hnsw(distance_metric=VectorDistances.HAMMING),
    "sq": _INDEX.hnsw(quantizer=_CODES.sq()),
    "pq": _INDEX.hnsw(quantizer=_CODES.pq(training_limit=500)),
    "rq": _INDEX.hnsw(quantizer=_CODES.rq()),
    "rq1": _INDEX.hnsw(quantizer=_CODES.rq(bits=1)),
    "bq": _INDEX.hnsw(quantizer=_CODES.bq()),
    "flat": _INDEX.flat(),
    "flat_bq": _INDEX.flat(quantizer=_CODES.bq()),
}
_MULTI = Configure.VectorIndex.MultiVector
TOKENS: dict[str, Any] = {
    "tokens": _INDEX.hnsw(),
    "tokens_sq": _INDEX.hnsw(quantizer=_CODES.sq()),
    "tokens_bq": _INDEX.hnsw(quantizer=_CODES.bq()),
}


@contextmanager
def small() -> Iterator[None]:
    """Builds what only large collections have from some hundred objects on."""
    engine = "weft.engine.embedded.index"
    with (
        patch(f"{engine}.vector.index.BUILD_ROWS", BUILD_ROWS),
        patch(f"{engine}.multivector.index.EXACT_TOKENS", 1_000),
        patch(f"{engine}.multivector.search.EXACT_ALLOWED_TOKENS", 100),
        patch(f"{engine}.multivector.writer.TAIL_ROWS", 200),
        patch(f"{engine}.inverted.index._FREEZE_POSTINGS", 1_000),
    ):
        yield


def walk(folder: Path) -> None:
    with small():
        with weft.connect(folder, additional_config=_PATIENT) as client:
            created = _create(client)
            _fill(*created)
            _ask_all(client)
            _keep(client)
            _ask_all(client)
            _change(created[0])
            _keep(client)
            _ask_all(client)
        with weft.connect(folder, additional_config=_PATIENT) as client:
            _ask_all(client)
            _keep(client)
            _ask_all(client)


def _create(client: weaviate.WeaviateClient) -> list[Collection[Any, Any]]:
    properties = [
        Property(name="title", data_type=DataType.TEXT),
        Property(name="body", data_type=DataType.TEXT),
        Property(name="words", data_type=DataType.INT, index_range_filters=True),
        Property(name="score", data_type=DataType.NUMBER),
        Property(name="tags", data_type=DataType.TEXT_ARRAY),
        Property(name="made", data_type=DataType.DATE),
    ]
    own = Configure.Vectors.self_provided
    many = Configure.MultiVectors.self_provided
    return [
        client.collections.create(
            "Things",
            properties=properties,
            vector_config=[own(name=name, vector_index_config=index) for name, index in SINGLE.items()],
        ),
        client.collections.create(
            "Tokens",
            properties=properties,
            vector_config=[many(name=name, vector_index_config=index) for name, index in TOKENS.items()],
        ),
        client.collections.create(
            "Muvera",
            properties=properties,
            vector_config=many(encoding=_MULTI.Encoding.muvera(ksim=2, dprojections=8, repetitions=4)),
        ),
        client.collections.create("Plain", properties=properties, vector_config=own()),
    ]


def _fill(*collections: Collection[Any, Any]) -> None:
    random = np.random.default_rng(_SEED)
    for collection in collections:
        with collection.batch.fixed_size(200) as batch:
            for n in range(COUNT):
                properties = _properties(random, n, plain=collection.name == "Plain")
                batch.add_object(properties, uuid=uuid.UUID(int=n + 1), vector=_vectors(random, collection))
        assert not collection.batch.failed_objects, collection.batch.failed_objects[:1]


def _properties(random: np.random.Generator, n: int, *, plain: bool = False) -> dict[str, Any]:
    rank = np.minimum(random.zipf(1.3, 24), len(_WORDS)) - 1
    text = [_WORDS[at] for at in rank]
    made = {
        "title": " ".join(text[:4]),
        "body": " ".join(text[4:]),
        "words": n % 50,
        "score": n / 7,
    }
    return made if plain else made | {"tags": text[:2], "made": f"2026-01-{1 + n % 28:02}T00:00:00Z"}


def _vectors(random: np.random.Generator, collection: Collection[Any, Any]) -> Any:
    if collection.name == "Things":
        return {name: random.normal(size=DIMS).astype(np.float32).tolist() for name in SINGLE}
    if collection.name == "Plain":
        return random.normal(size=DIMS).astype(np.float32).tolist()
    return {
        name: random.normal(size=(random.integers(2, 9), DIMS)).astype(np.float32).tolist()
        for name in (TOKENS if collection.name == "Tokens" else ["default"])
    }


def _keep(client: weaviate.WeaviateClient) -> None:
    """All upkeep there is."""
    assert isinstance(client, EmbeddedClient)
    assert client._server is not None
    for collection in client._server.app._database.collections():
        shard = shard_of(collection)
        while shard.maintain():
            pass


def _change(things: Collection[Any, Any]) -> None:
    random = np.random.default_rng(_SEED + 1)
    things.data.update(uuid.UUID(int=3), {"title": "another word1"})
    things.data.replace(uuid.UUID(int=4), _properties(random, 4), vector=_vectors(random, things))
    things.data.delete_by_id(uuid.UUID(int=5))
    things.data.delete_many(Filter.by_property("words").less_than(10))
    things.data.insert(_properties(random, 6), vector=_vectors(random, things))


def _ask_all(client: weaviate.WeaviateClient) -> None:
    """The nearest once by scans, which are cheaper for so few, and once by graphs."""
    asked = kinds(client)
    for ask in asked.values():
        ask()
    searching = "weft.engine.embedded.index.vector.effort"
    with patch(f"{searching}._ROWS_PER_EF", 0), patch(f"{searching}._FLOATS_PER_EF", 0):
        for name, ask in asked.items():
            if name.startswith("nearest"):
                ask()


def kinds(client: weaviate.WeaviateClient) -> dict[str, Callable[[], object]]:
    """Requests by what is asked."""
    things, tokens, muvera = (client.collections.get(name) for name in ("Things", "Tokens", "Muvera"))
    random = np.random.default_rng(_SEED + 2)
    query = random.normal(size=DIMS).astype(np.float32).tolist()
    pair = random.normal(size=(3, DIMS)).astype(np.float32).tolist()
    few, most = Filter.by_property("words").equal(11), Filter.by_property("words").greater_than(5)
    found: dict[str, Callable[[], object]] = {}
    for name in SINGLE:
        near = {"near_vector": query, "target_vector": name, "return_metadata": MetadataQuery.full()}
        for form, more in {
            "": {},
            " of few": {"filters": few},
            " of most": {"filters": most},
            " within a distance": {"distance": 1.1},
            " of most within a distance": {"filters": most, "distance": 1.1},
            " with autocut": {"auto_limit": 1},
        }.items():
            found[f"nearest {name}{form}"] = _ask(things.query.near_vector, **near, **more)
    for name in TOKENS:
        near = {"near_vector": pair, "target_vector": name}
        found[f"nearest {name}"] = _ask(tokens.query.near_vector, **near)
        found[f"nearest {name} of few"] = _ask(tokens.query.near_vector, **near, filters=few)
        found[f"nearest {name} of most"] = _ask(tokens.query.near_vector, **near, filters=most)
    found["nearest muvera"] = _ask(muvera.query.near_vector, near_vector=pair)
    found["nearest muvera of most"] = _ask(muvera.query.near_vector, near_vector=pair, filters=most)
    one, several = ["body"], ["title^2", "body"]
    for form, more in {"": {}, " of few": {"filters": few}, " of most": {"filters": most}}.items():
        found[f"keyword{form}"] = _ask(things.query.bm25, query="word1 word3", query_properties=one, **more)
        found[f"keyword, one word{form}"] = _ask(things.query.bm25, query="word2", query_properties=one, **more)
        found[f"keyword in several{form}"] = _ask(things.query.bm25, query="word1 word5 word9", **more)
        found[f"keyword with weights{form}"] = _ask(
            things.query.bm25, query="word1 word40", query_properties=several, **more
        )
        found[f"keyword, all words{form}"] = _ask(
            things.query.bm25, query="word1 word2", operator=BM25Operator.and_(), **more
        )
        hybrid = {"query": "word1 word7", "vector": query, "target_vector": "sq", **more}
        found[f"hybrid{form}"] = _ask(things.query.hybrid, **hybrid)
        found[f"hybrid, ranked{form}"] = _ask(things.query.hybrid, **hybrid, fusion_type=HybridFusion.RANKED)
        found[f"objects{form}"] = _ask(things.query.fetch_objects, **more)
        found[f"sorted{form}"] = _ask(
            things.query.fetch_objects, sort=Sort.by_property("score", ascending=False).by_property("title"), **more
        )
        found[f"aggregate{form}"] = _ask(
            things.aggregate.over_all,
            return_metrics=[Metrics("words").integer(), Metrics("title").text(), Metrics("made").date_()],
            **more,
        )
    found["hybrid of tokens"] = _ask(
        tokens.query.hybrid, query="word1 word7", vector={"tokens": pair}, target_vector="tokens"
    )
    found["keyword like"] = _ask(things.query.fetch_objects, filters=Filter.by_property("body").like("word1*"))
    found["pages"] = _ask(things.query.fetch_objects, after=uuid.UUID(int=40))
    found["grouped"] = _ask(
        things.query.near_vector,
        near_vector=query,
        target_vector="sq",
        group_by=GroupBy(prop="words", objects_per_group=2, number_of_groups=3),
    )
    found["several targets"] = _ask(
        things.query.near_vector, near_vector=query, target_vector=TargetVectors.sum(["sq", "rq"])
    )
    found["near an object"] = _ask(things.query.near_object, near_object=uuid.UUID(int=40), target_vector="sq")
    found["aggregate by groups"] = _ask(things.aggregate.over_all, group_by=GroupByAggregate(prop="tags"))
    found["aggregate of the nearest"] = _ask(
        things.aggregate.near_vector, near_vector=query, target_vector="sq", object_limit=20
    )
    found["vectors"] = _ask(things.query.fetch_objects, include_vector=True, limit=3)
    found["an object"] = _ask(things.query.fetch_object_by_id, uuid=uuid.UUID(int=40), include_vector=True)
    rest = f"http://127.0.0.1:{client._connection.url.rpartition(':')[2]}"
    found["an object over REST"] = _ask(httpx.get, url=f"{rest}/v1/objects/Things/{uuid.UUID(int=40)}")
    nearest = f'nearVector: {{vector: {json.dumps(query)}, targetVectors: ["sq"]}}'
    for form, argument in {"nearest": nearest, "keyword": 'bm25: {query: "word1 word2"}'}.items():
        text = f"{{Get {{Things({argument}, limit: 3) {{title _additional {{id score distance}}}}}}}}"
        found[f"{form} in GraphQL"] = _ask(httpx.post, url=f"{rest}/v1/graphql", json={"query": text})
    return found


def _ask(call: Callable[..., Any], **arguments: Any) -> Callable[[], object]:
    def ask() -> object:
        answer = call(**arguments)
        if isinstance(answer, httpx.Response):
            assert answer.status_code == 200, answer.text
            assert "errors" not in answer.json(), answer.text
        return answer

    return ask
