"""A server whose files may not grow any more: clear errors, reads go on, and after there is space again, writes."""

from __future__ import annotations

import resource
import uuid
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import weaviate
from weaviate.classes.config import Configure, DataType, Property
from weaviate.classes.data import DataObject
from weaviate.exceptions import WeaviateInsertManyAllFailedError

from server import Server

if not hasattr(resource, "prlimit"):
    pytest.skip("limits of another process can be set on Linux only", allow_module_level=True)

BATCH = 200
LIMIT_BYTES = 3 << 20


def limit_files(server: Server, size: int) -> None:
    """Of all the server's files, from now on; what is written beyond is cut short or refused, as on a full disk."""
    hard = resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE)[1]
    resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, (size, hard))


def insert(things: Any, first: int) -> dict[uuid.UUID, int]:
    """What was acknowledged of one batch; every refusal must tell that there is no space."""
    numbers = {uuid.UUID(int=n + 1): n for n in range(first, first + BATCH)}
    rows = [
        DataObject({"n": n, "word": f"word{n}", "text": "lorem ipsum " * 40}, uuid=id_, vector=vector_of(n))
        for id_, n in numbers.items()
    ]
    try:
        result = things.data.insert_many(rows)
    except WeaviateInsertManyAllFailedError as error:
        assert "no space left" in str(error), error
        return {}
    assert not result.has_errors, "a batch for one shard is stored whole or not at all"
    return numbers


def vector_of(n: int) -> list[float]:
    vector: list[float] = np.random.default_rng(n).normal(size=32).astype(np.float32).tolist()
    return vector


def check(client: weaviate.WeaviateClient, stored: dict[uuid.UUID, int]) -> None:
    things = client.collections.use("Things")
    assert {o.uuid: o.properties["n"] for o in things.iterator()} == stored
    for n in list(stored.values())[:: max(1, len(stored) // 20)]:
        assert things.query.near_vector(vector_of(n), limit=1).objects[0].properties["n"] == n
        assert [o.properties["n"] for o in things.query.bm25(f"word{n}", query_properties=["word"]).objects] == [n]


def test_a_full_disk(tmp_path: Path) -> None:
    stored: dict[uuid.UUID, int] = {}
    with Server(tmp_path / "data") as server:
        with server.client() as client:
            things = client.collections.create(
                "Things",
                vector_config=Configure.Vectors.self_provided(),
                properties=[
                    Property(name="n", data_type=DataType.INT),
                    Property(name="word", data_type=DataType.TEXT),
                    Property(name="text", data_type=DataType.TEXT),
                ],
            )
            limit_files(server, LIMIT_BYTES)
            first = refused = 0
            while refused < 5:
                acknowledged = insert(things, first)
                stored |= acknowledged
                refused += not acknowledged
                first += BATCH
            assert stored
            check(client, stored)
            limit_files(server, resource.RLIM_INFINITY)
            acknowledged = insert(things, first)
            assert acknowledged
            stored |= acknowledged
            limit_files(server, LIMIT_BYTES // 8)
            assert not insert(things, first + BATCH)
        assert server.stop() == 0
        assert not [line for line in server.lines if "Traceback" in line]
        server.start()
        with server.client() as client:
            check(client, stored)
