"""Everybody at once: writes, searches, changes of schemas and drops; and an orderly stop in the middle of imports."""

from __future__ import annotations

import random
import threading
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from weaviate.classes.config import Configure, DataType, Property, Reconfigure
from weaviate.classes.data import DataObject
from weaviate.classes.query import Filter, MetadataQuery, Sort
from weaviate.exceptions import UnexpectedStatusCodeError, WeaviateBaseError

from server import Server

ROUNDS, DIMS, IDS = 15, 16, 2000
PROPERTIES = [Property(name="n", data_type=DataType.INT), Property(name="word", data_type=DataType.TEXT)]
BRIEF = "XYZ"

Work = Callable[[Any, random.Random], None]


def thing(rng: random.Random) -> DataObject[Any, Any]:
    words = " ".join(f"w{rng.randrange(200)}" for _ in range(6))
    return DataObject(
        {"n": rng.randrange(1000), "word": words}, uuid=uuid.UUID(int=rng.randrange(IDS) + 1), vector=at(rng)
    )


def at(rng: random.Random) -> list[float]:
    return [rng.gauss(0, 1) for _ in range(DIMS)]


def write(client: Any, rng: random.Random) -> None:
    things = client.collections.use("Things")
    result = things.data.insert_many([thing(rng) for _ in range(rng.choice([1, 10, 100]))])
    assert not result.has_errors, result.errors
    things.data.delete_by_id(uuid.UUID(int=rng.randrange(IDS) + 1))
    if rng.random() < 0.3:
        things.data.delete_many(where=Filter.by_property("n").less_than(rng.randrange(100)))
    one = thing(rng)
    try:
        things.data.replace(uuid=one.uuid, properties=one.properties, vector=one.vector)
    except UnexpectedStatusCodeError as error:
        assert error.status_code == 404, error


def search(client: Any, rng: random.Random) -> None:
    query, everything = client.collections.use("Things").query, MetadataQuery.full()
    word = f"w{rng.randrange(200)}"
    query.near_vector(at(rng), limit=20, include_vector=True, return_metadata=everything)
    for found in query.bm25(word, limit=20, query_properties=["word"], return_metadata=everything).objects:
        assert word in str(found.properties["word"]).split()
    query.hybrid(word, vector=at(rng), limit=20, return_metadata=everything)
    like = Filter.by_property("word").like("w1*") & Filter.by_property("n").greater_than(500)
    assert all(found.properties["n"] > 500 for found in query.fetch_objects(filters=like, limit=50).objects)
    query.fetch_objects(sort=Sort.by_property("word"), limit=30)
    for _ in zip(range(150), client.collections.use("Things").iterator(include_vector=True), strict=False):
        pass


def reconfigure(client: Any, rng: random.Random) -> None:
    config = client.collections.use("Things").config
    config.add_property(Property(name=f"p{rng.randrange(10**9)}", data_type=DataType.TEXT))
    index = Reconfigure.VectorIndex.hnsw(ef=rng.randrange(10, 200))
    try:
        config.update(vector_config=Reconfigure.Vectors.update(name="default", vector_index_config=index))
    except WeaviateBaseError as error:
        # The client reads the class, edits it and sends it back; a property may have been added meanwhile.
        assert "422" in str(error)


def come_and_go(client: Any, rng: random.Random) -> None:
    """A caller of a collection that another caller drops gets a refusal, and nothing else."""
    name = rng.choice(BRIEF)
    try:
        if rng.random() < 0.3:
            client.collections.delete(name)
        brief = client.collections.use(name)
        brief.data.insert_many([DataObject({f"q{rng.randrange(4)}": "x y"}, vector=at(rng)) for _ in range(20)])
        brief.query.near_vector(at(rng), limit=3)
        brief.query.bm25("x", limit=3)
    except WeaviateBaseError as error:
        assert "could not find class" in str(error) or "are gone" in str(error) or "already exists" in str(error), error


def test_everybody_at_once(tmp_path: Path) -> None:
    errors: list[BaseException] = []

    def run(work: Work, seed: int) -> None:
        rng = random.Random(seed)
        try:
            with server.client() as client:
                for _ in range(ROUNDS):
                    work(client, rng)
        except BaseException as error:
            errors.append(error)

    with Server(tmp_path / "data", {"WEFT_DURABLE": "false"}) as server:
        with server.client() as client:
            client.collections.create("Things", vector_config=Configure.Vectors.self_provided(), properties=PROPERTIES)
        works: list[Work] = [write, write, search, search, reconfigure, come_and_go, come_and_go]
        threads = [threading.Thread(target=run, args=(work, seed)) for seed, work in enumerate(works)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(120)
            assert not thread.is_alive()
        assert not errors, errors
        assert server.stop() == 0
        assert not [line for line in server.lines if "Traceback" in line or "unexpected error" in line], server.lines
        server.start()
        with server.client() as client:
            things = client.collections.use("Things")
            assert len(list(things.iterator())) == len(things) > 0


def test_stopping_in_the_middle_of_imports(tmp_path: Path) -> None:
    acknowledged: set[uuid.UUID] = set()
    enough = threading.Event()

    def insert(seed: int) -> None:
        rng = np.random.default_rng(seed)
        with server.client() as client:
            things = client.collections.use("Things")
            while True:
                ids = [uuid.UUID(bytes=rng.bytes(16)) for _ in range(100)]
                rows = [DataObject({"n": 1}, uuid=id_, vector=rng.normal(size=64).tolist()) for id_ in ids]
                try:
                    result = things.data.insert_many(rows)
                except WeaviateBaseError:
                    return
                acknowledged.update(id_ for i, id_ in enumerate(ids) if i not in result.errors)
                if len(acknowledged) > 3000:
                    enough.set()

    with Server(tmp_path / "data") as server:
        with server.client() as client:
            client.collections.create("Things", vector_config=Configure.Vectors.self_provided(), properties=PROPERTIES)
        threads = [threading.Thread(target=insert, args=(seed,)) for seed in range(2)]
        for thread in threads:
            thread.start()
        assert enough.wait(120)
        assert server.stop() == 0
        for thread in threads:
            thread.join(120)
        assert not [line for line in server.lines if "Traceback" in line], server.lines
        server.start()
        with server.client() as client:
            assert acknowledged <= {found.uuid for found in client.collections.use("Things").iterator()}
