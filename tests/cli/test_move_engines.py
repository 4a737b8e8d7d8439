"""``weft move`` from other engines: a real Milvus server, and Qdrant's client in its local mode, whose shapes are those
of the server."""

from __future__ import annotations

import os
import random
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from pymilvus import DataType, MilvusClient
from qdrant_client import QdrantClient, models

from command import Weft
from milvus_server import installed
from server import Server
from weft.cli.move.address import parse_address
from weft.cli.move.copying import Copying
from weft.cli.move.journal import Journal
from weft.cli.move.qdrant_source import QdrantSource
from weft.cli.move.rejections import Rejections
from weft.cli.move.server_target import ServerTarget
from weft.cli.move.syncing import Syncing
from weft.cli.move.verifying import verify

CHANCE = random.Random(3)


def address(server: Server) -> str:
    return f"http://127.0.0.1:{server.rest_port}?grpc={server.grpc_port}"


def vector(dims: int) -> list[float]:
    return [CHANCE.uniform(-1, 1) for _ in range(dims)]


def got(server: Server, name: str, uuid: str) -> dict[str, Any]:
    return dict(httpx.get(server.url(f"/v1/objects/{name}/{uuid}"), params={"include": "vector"}).json())


@pytest.fixture
def qdrant() -> Iterator[QdrantClient]:
    client = QdrantClient(":memory:")
    client.create_collection(
        "my-docs",
        vectors_config={
            "a": models.VectorParams(size=8, distance=models.Distance.COSINE),
            "e": models.VectorParams(size=4, distance=models.Distance.EUCLID),
        },
        sparse_vectors_config={"words": models.SparseVectorParams()},
    )
    points = [
        models.PointStruct(
            id=i if i < 100 else str(uuid.UUID(int=i)),
            vector={"a": vector(8), "e": vector(4)} if i % 7 else {"a": vector(8)},
            payload={"Title": f"text {i}", "n": i, "where": {"lat": 1.5, "lon": i / 10}, "odd": i if i % 2 else "x"},
        )
        for i in range(300)
    ]
    client.upsert("my-docs", points)
    yield client
    client.close()


def test_qdrant(server: Server, qdrant: QdrantClient, tmp_path: Path) -> None:
    journal = Journal(tmp_path / "state.json", "a", "b")
    rejections = Rejections(tmp_path / "rejected.jsonl", journal)
    with (
        ServerTarget(parse_address(address(server)), None) as target,
        QdrantSource(parse_address("qdrant://localhost/my-docs"), qdrant) as source,
    ):
        (collection,) = source.collections({"my-docs": "From_qdrant"}, target)
        assert collection.count == 300
        assert [note for note in collection.notes.lost if "sparse" in note] == [
            "the sparse vector 'words': keyword search over the texts takes its place"
        ]
        (copied,) = Copying(source, target, journal, rejections).run([collection])
        assert (copied.stored, copied.rejected) == (300, 0)
        (verified,) = verify(source, target, [collection], 5)
        assert verified.is_equal, verified.lines()
        assert {one.kind for one in verified.queries} == {"nearest a", "nearest e", "filter n"}
        stored = got(server, "From_qdrant", str(uuid.uuid5(uuid.NAMESPACE_URL, "my-docs/7")))
        assert stored["properties"] == {
            "title": "text 7",
            "n": 7,
            "where": {"latitude": 1.5, "longitude": 0.7},
            "odd": "7",
            "original_id": 7,
        }
        assert set(stored["vectors"]) == {"a"}
        qdrant.set_payload("my-docs", {"n": -1}, [8])
        qdrant.delete("my-docs", [9, str(uuid.UUID(int=200))])
        (synced,) = Syncing(source, target, rejections, force=False).run([collection])
        assert (synced.stored, synced.removed, synced.rejected) == (1, 2, 0)
        (verified,) = verify(source, target, [collection], 0)
        assert verified.is_equal, verified.lines()


@contextmanager
def documents(place: str) -> Iterator[None]:
    """In the collection ``moved_docs`` of a Milvus server, meanwhile."""
    client = MilvusClient(f"http://{place}")
    schema = client.create_schema(auto_id=False, enable_dynamic_field=True)
    schema.add_field("key", DataType.INT64, is_primary=True)
    schema.add_field("v", DataType.FLOAT_VECTOR, dim=8)
    schema.add_field("title", DataType.VARCHAR, max_length=100)
    schema.add_field("tags", DataType.ARRAY, element_type=DataType.VARCHAR, max_capacity=4, max_length=20)
    index = client.prepare_index_params()
    index.add_index("v", index_type="HNSW", metric_type="COSINE", params={"M": 8, "efConstruction": 64})
    client.create_collection("moved_docs", schema=schema, index_params=index, consistency_level="Strong")
    rows = [
        {"key": 2 * i - 50, "v": vector(8), "title": f"text {i}", "tags": ["a", f"t{i}"], "extra": {"n": i}}
        for i in range(300)
    ]
    client.insert("moved_docs", rows)
    yield
    client.drop_collection("moved_docs")
    client.close()


if installed:

    def test_milvus(server: Server, weft: Weft, milvus_address: str) -> None:
        moving = ("move", f"milvus://{milvus_address}/moved_docs", address(server), "--collection", "moved_docs=Fields")
        with documents(milvus_address):
            assert weft(*moving, "--copy").stdout == "Fields: 300 objects copied, 0 rejected\n"
            done = weft(*moving, "--verify")
        assert done.returncode == 0, done.stdout + done.stderr
        assert "Fields: equal, 300 objects at the source, 300 at the target" in done.stdout
        assert "  nearest v: 100.0% of the hits agree" in done.stdout
        stored = got(server, "Fields", str(uuid.uuid5(uuid.NAMESPACE_URL, "moved_docs/-50")))
        assert stored["properties"] == {
            "title": "text 0",
            "tags": ["a", "t0"],
            "extra": {"n": 0},
            "original_id": -50,
        }


def test_a_milvus_server_can_be_had() -> None:
    assert installed or os.uname().machine != "x86_64"
