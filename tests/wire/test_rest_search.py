"""Searches over REST against a real server, with a model: by meaning, by both, and what they share with gRPC."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx
import pytest
from weaviate.classes.config import Configure, DataType, Property
from weaviate.classes.query import MetadataQuery
from weaviate.collections import Collection

from server import Server

TEXTS = ["bread and cake", "rockets in space", "a thief in the night"]


@pytest.fixture
def texts(make: Callable[..., Collection[Any, Any]]) -> Collection[Any, Any]:
    made = make(
        properties=[Property(name="text", data_type=DataType.TEXT)],
        vector_config=Configure.Vectors.text2vec_transformers(name="text"),
    )
    made.data.insert_many([{"text": text} for text in TEXTS])
    return made


def results(server: Server, path: str, body: dict[str, Any]) -> list[dict[str, Any]]:
    reply = httpx.post(server.url(f"/v1/search/{path}"), json=body, timeout=60, trust_env=False)
    assert reply.status_code == 200, reply.text
    found: list[dict[str, Any]] = reply.json()["results"]
    return found


def test_by_meaning_as_over_grpc(server: Server, texts: Collection[Any, Any]) -> None:
    body = {"query": ["astronauts"], "returnMetadata": ["distance", "certainty"]}
    found = results(server, f"{texts.name}/near-text", body)
    same = texts.query.near_text(["astronauts"], return_metadata=MetadataQuery(distance=True, certainty=True)).objects
    assert found[0]["properties"] == {"text": TEXTS[1]}
    assert [one["id"] for one in found] == [str(one.uuid) for one in same]
    for one, other in zip(found, same, strict=True):
        assert one["metadata"]["distance"] == pytest.approx(other.metadata.distance, abs=1e-6)
        assert one["metadata"]["certainty"] == pytest.approx(other.metadata.certainty, abs=1e-6)
    near = results(server, f"{texts.name}/near-text", {**body, "distance": found[0]["metadata"]["distance"] + 1e-4})
    assert [one["id"] for one in near] == [found[0]["id"]]


@pytest.mark.parametrize("alpha", [0.5, 1])
def test_by_both_as_over_grpc(server: Server, texts: Collection[Any, Any], alpha: float) -> None:
    body = {"query": "space", "alpha": alpha, "returnMetadata": ["score"], "limit": 2}
    found = results(server, f"{texts.name}/hybrid", body)
    same = texts.query.hybrid("space", alpha=alpha, limit=2, return_metadata=MetadataQuery(score=True)).objects
    assert [one["id"] for one in found] == [str(one.uuid) for one in same]
    assert [one["metadata"]["score"] for one in found] == pytest.approx([one.metadata.score for one in same], abs=1e-6)
