"""What a server acknowledged survives ``kill -9`` at any moment: objects, vectors, and what the indexes find."""

from __future__ import annotations

import random
import threading
import time
import uuid
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import weaviate
from weaviate.classes.config import Configure, DataType, Property
from weaviate.classes.data import DataObject
from weaviate.classes.query import Filter, MetadataQuery
from weaviate.exceptions import WeaviateBaseError

from server import Server

KILLS = 6
BATCH = 40
DIMS = 8


class Ledger:
    """What was acknowledged, by uuid: the number stored, or None for deleted; and what may or may not have happened."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.sure: dict[uuid.UUID, int | None] = {}
        self.unsure: dict[uuid.UUID, set[int | None]] = {}

    def begin(self, changes: dict[uuid.UUID, int | None]) -> None:
        with self.lock:
            for id_, n in changes.items():
                self.unsure.setdefault(id_, set()).add(n)

    def acknowledge(self, changes: dict[uuid.UUID, int | None]) -> None:
        with self.lock:
            for id_, n in changes.items():
                self.sure[id_] = n
                self.unsure.pop(id_, None)


def vector_of(n: int) -> list[float]:
    return [float(x) for x in np.random.default_rng(n).normal(size=DIMS).astype(np.float32)]


def tokens_of(n: int) -> list[list[float]]:
    """One to six token vectors."""
    rng = np.random.default_rng(n)
    tokens = rng.normal(size=(rng.integers(1, 7), DIMS)).astype(np.float32)
    return [[float(x) for x in token] for token in tokens]


def vectors_of(n: int) -> dict[str, list[float] | list[list[float]]]:
    return {"whole": vector_of(n), "tokens": tokens_of(n)}


def work(server: Server, ledger: Ledger, seed: int) -> None:
    """Inserts, replaces and deletes until the server is gone."""
    rng = random.Random(seed)
    mine: list[uuid.UUID] = []
    try:
        with server.client() as client:
            things = client.collections.use("Things")
            while True:
                if mine and rng.random() < 0.3:
                    chosen = rng.sample(mine, min(5, len(mine)))
                    deleted: dict[uuid.UUID, int | None] = dict.fromkeys(chosen)
                    ledger.begin(deleted)
                    things.data.delete_many(where=Filter.by_id().contains_any(chosen))
                    ledger.acknowledge(deleted)
                    mine = [id_ for id_ in mine if id_ not in deleted]
                ids = [
                    rng.choice(mine) if mine and rng.random() < 0.3 else uuid.UUID(int=rng.getrandbits(128))
                    for _ in range(BATCH)
                ]
                changes: dict[uuid.UUID, int | None] = {id_: rng.getrandbits(30) for id_ in ids}
                ledger.begin(changes)
                result = things.data.insert_many(
                    [
                        DataObject({"n": n, "word": f"word{n}"}, uuid=id_, vector=vectors_of(n or 0))
                        for id_, n in changes.items()
                    ]
                )
                assert not result.has_errors, result.errors
                ledger.acknowledge(changes)
                mine.extend(id_ for id_ in changes if id_ not in mine)
    except (WeaviateBaseError, OSError):
        return  # the server was killed, as this test means it to be


def check(client: weaviate.WeaviateClient, ledger: Ledger) -> None:
    things = client.collections.use("Things")
    stored = {o.uuid: o for o in things.iterator(include_vector=True)}
    assert len(stored) == len(things)
    for id_, n in ledger.sure.items():
        possible = {n} | ledger.unsure.get(id_, set())
        if id_ not in stored:
            assert None in possible, f"{id_} was acknowledged and is gone"
            continue
        found = stored[id_]
        assert found.properties["n"] in possible, f"{id_} was acknowledged with {n}"
    for id_, found in stored.items():
        n = found.properties["n"]
        assert found.vector == vectors_of(n), "a vector is exactly as it was given"
        assert n in ({ledger.sure.get(id_)} | ledger.unsure.get(id_, set())), f"no one stored {id_}"
    sample = random.Random(1).sample(sorted(stored), min(40, len(stored)))
    for id_ in sample:
        n = stored[id_].properties["n"]
        for name, given in vectors_of(n).items():
            nearest = things.query.near_vector(
                given, target_vector=name, limit=1, return_metadata=MetadataQuery(distance=True)
            ).objects
            assert nearest[0].properties["n"] == n, name
            # A token's MaxSim with itself is 1: the distance of a multi-vector from itself is minus its tokens.
            expected = -len(given) if name == "tokens" else 0
            assert abs(nearest[0].metadata.distance - expected) < 1e-5
        assert id_ in [o.uuid for o in things.query.bm25(f"word{n}").objects]
        assert id_ in [o.uuid for o in things.query.fetch_objects(filters=Filter.by_property("n").equal(n)).objects]
    # What was unsure is settled now: it is what the store says.
    ledger.sure = {id_: found.properties["n"] for id_, found in stored.items()}
    ledger.unsure = {}


def test_kill_during_imports(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # The client would wait 15 s in all for a server that is gone on purpose.
    monkeypatch.setattr("weaviate.retry.time", SimpleNamespace(sleep=lambda seconds: None))
    seed = random.SystemRandom().getrandbits(32)
    print("seed", seed)
    rng = random.Random(seed)
    ledger = Ledger()
    server = Server(tmp_path / "data")
    with server.client() as client:
        client.collections.create(
            "Things",
            vector_config=[
                Configure.Vectors.self_provided(name="whole"),
                Configure.MultiVectors.self_provided(name="tokens"),
            ],
            properties=[Property(name="n", data_type=DataType.INT), Property(name="word", data_type=DataType.TEXT)],
        )
    for round_ in range(KILLS):
        before = len(ledger.sure)
        workers = [threading.Thread(target=work, args=(server, ledger, rng.getrandbits(32))) for _ in range(2)]
        for worker in workers:
            worker.start()
        while len(ledger.sure) < before + BATCH * 3:
            time.sleep(0.01)
        time.sleep(rng.random() * 0.3)
        server.kill()
        for worker in workers:
            worker.join()
        server.start()
        with server.client() as client:
            check(client, ledger)
        print("round", round_, len(ledger.sure), "objects")
    assert server.stop() == 0
    server.start()
    with server.client() as client:
        check(client, ledger)
    assert server.stop() == 0
