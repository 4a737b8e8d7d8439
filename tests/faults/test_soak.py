"""Everything at once, by official clients, on a server that is killed and stopped again and again.

An oracle knows what was acknowledged; after each restart all of it is there, nothing else is, and searches find it.
``SOAK_SECONDS`` makes it longer, ``SOAK_SEED`` repeats one (as far as threads repeat themselves).
"""

from __future__ import annotations

import os
import random
import threading
import time
import uuid
from collections import defaultdict
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import weaviate
from weaviate.classes.config import Configure, DataType, Property, ReferenceProperty
from weaviate.classes.query import Filter, QueryReference

from server import Server
from soak import LINKED, MEANT, PLAIN, SHARED, Worker, vector_of, vectors_of
from weft.catalog.lmdb import LmdbCatalog
from weft.engine.embedded.folders import Folders
from weft.engine.embedded.storage import ShardStore

SECONDS = float(os.environ.get("SOAK_SECONDS", "20"))
WORKERS = 3


def create(client: weaviate.WeaviateClient) -> None:
    properties = [Property(name="n", data_type=DataType.INT), Property(name="word", data_type=DataType.TEXT)]
    plain = Configure.Vectors.self_provided()
    client.collections.create(
        PLAIN,
        properties=properties,
        vector_config=[
            Configure.Vectors.self_provided(name="whole"),
            Configure.MultiVectors.self_provided(name="tokens"),
        ],
    )
    client.collections.create(
        SHARED,
        properties=properties,
        vector_config=plain,
        multi_tenancy_config=Configure.multi_tenancy(
            enabled=True, auto_tenant_creation=True, auto_tenant_activation=True
        ),
    )
    client.collections.create(MEANT, properties=properties, vector_config=Configure.Vectors.text2vec_model2vec())
    client.collections.create(
        LINKED,
        properties=properties,
        references=[ReferenceProperty(name="to", target_collection=LINKED)],
        vector_config=plain,
    )


def check(client: weaviate.WeaviateClient, workers: list[Worker], rng: random.Random) -> int:
    """Returns how many objects there are."""
    known: dict[tuple[str, str], dict[uuid.UUID, set[int | None]]] = defaultdict(dict)
    for worker in workers:
        ledger = worker.ledger
        for key in ledger.sure.keys() | ledger.unsure.keys():
            known[key[:2]][key[2]] = {ledger.sure.get(key)} | ledger.unsure.get(key, set())
    existing = client.collections.use(SHARED).tenants.get()
    total = 0
    for (collection, tenant), possible in known.items():
        objects = client.collections.use(collection)
        if tenant and tenant not in existing:
            assert all(None in states for states in possible.values()), f"{tenant} was acknowledged and is gone"
            settle(workers, collection, tenant, {})
            continue
        objects = objects.with_tenant(tenant) if tenant else objects
        stored = {one.uuid: one for one in objects.iterator(include_vector=True)}
        total += len(stored)
        assert len(objects) == len(stored) == objects.aggregate.over_all(total_count=True).total_count
        assert stored.keys() <= possible.keys(), "no one stored these"
        for id_, states in possible.items():
            if id_ not in stored:
                assert None in states, f"{collection} {id_} was acknowledged and is gone"
                continue
            found = stored[id_]
            n = found.properties["n"]
            assert n in states, f"{collection} {id_} has {n} and not one of {states}"
            assert found.properties["word"] == f"word{n}"
            given = vectors_of(collection, n)
            if given is not None:
                assert found.vector == (given if isinstance(given, dict) else {"default": given})
            assert found.vector, "every object has a vector"
        for id_ in rng.sample(sorted(stored), min(15, len(stored))):
            check_found(objects, collection, id_, stored[id_].properties["n"])
        settle(workers, collection, tenant, {id_: int(one.properties["n"]) for id_, one in stored.items()})
    check_links(client, workers)
    check_names(client, workers)
    return total


def settle(workers: list[Worker], collection: str, tenant: str, stored: dict[uuid.UUID, int]) -> None:
    """What was unsure is what the store says."""
    for worker in workers:
        ledger = worker.ledger
        for key in [key for key in ledger.sure.keys() | ledger.unsure.keys() if key[:2] == (collection, tenant)]:
            ledger.sure[key] = stored.get(key[2])
            ledger.unsure.pop(key, None)


def check_found(objects: Any, collection: str, id_: uuid.UUID, n: int) -> None:
    query = objects.query
    assert id_ in [one.uuid for one in query.bm25(f"word{n}", limit=1000).objects]
    by_number = query.fetch_objects(filters=Filter.by_property("n").equal(n), limit=1000).objects
    assert id_ in [one.uuid for one in by_number]
    if collection == MEANT:
        assert query.near_text(f"word{n}", limit=3).objects
    elif collection == PLAIN:
        for name, vector in vectors_of(PLAIN, n).items():
            assert query.near_vector(vector, target_vector=name, limit=1).objects[0].properties["n"] == n, name
    else:
        assert query.near_vector(vector_of(n), limit=1).objects[0].properties["n"] == n


def check_links(client: weaviate.WeaviateClient, workers: list[Worker]) -> None:
    objects = client.collections.use(LINKED)
    for worker in workers:
        ledger = worker.ledger
        for from_ in ledger.perhaps_links:
            found = objects.query.fetch_object_by_id(from_, return_references=QueryReference(link_on="to"))
            targets = {one.uuid for one in found.references["to"].objects} if found.references else set()
            assert ledger.links[from_] <= targets <= ledger.perhaps_links[from_]
            ledger.links[from_] = targets
            ledger.perhaps_links[from_] = set(targets)


def check_names(client: weaviate.WeaviateClient, workers: list[Worker]) -> None:
    there = set(client.collections.list_all()) | {
        one.name for one in client.collections.use(PLAIN).config.get().properties
    }
    for worker in workers:
        ledger = worker.ledger
        for name, expected in ledger.names.items():
            assert name in ledger.perhaps_names or (name in there) == expected, f"{name} is there: {name in there}"
        for name in ledger.perhaps_names:
            ledger.names[name] = name in there
        ledger.perhaps_names.clear()


def check_models(folder: Path) -> None:
    """What made the vectors is stored with them, in the same commit. Of a server that is not running."""
    catalog, folders = LmdbCatalog(folder), Folders(folder)
    try:
        for name, entry in catalog.read().collections.items():
            for shard in entry.shards.values():
                if (path := folders.shard(entry, shard) / "store").exists():
                    check_store(path, made=name == MEANT)
    finally:
        catalog.close()


def check_store(path: Path, *, made: bool) -> None:
    store = ShardStore(path, {}, sync=False)
    try:
        store.verify(full=True)
        for name in store.vector_names:
            assert set(store.live) <= set(store.vectors(name).doc_ids.tolist()), f"{path} lacks vectors {name}"
        assert bool(store.models) == made or not store.count
        assert all("model2vec" in model for model in store.models.values())
    finally:
        store.close()


def test_soak(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # The client would wait 15 s in all for a server that is gone on purpose.
    monkeypatch.setattr("weaviate.retry.time", SimpleNamespace(sleep=lambda seconds: None))
    seed = int(os.environ.get("SOAK_SEED") or random.SystemRandom().getrandbits(32))
    print("seed", seed)
    rng = random.Random(seed)
    workers = [Worker(number, rng.getrandbits(32)) for number in range(WORKERS)]
    server = Server(tmp_path / "data")
    try:
        with server.client() as client:
            create(client)
        end = time.monotonic() + SECONDS
        while time.monotonic() < end:
            over = threading.Event()
            threads = [threading.Thread(target=worker.work, args=(server, over)) for worker in workers]
            for thread in threads:
                thread.start()
            time.sleep(0.5 + 2.5 * rng.random())
            over.set()
            killed = rng.random() < 0.8
            server.kill() if killed else server.stop()
            for thread in threads:
                thread.join()
            for worker in workers:
                assert not worker.failure, worker.failure
            check_models(server.folder)
            server.start()
            with server.client() as client:
                count = check(client, workers, rng)
            print("killed" if killed else "stopped", "after", sum(w.done for w in workers), "calls;", count, "objects")
        assert server.stop() == 0
        assert not [line for line in server.lines if "Traceback" in line], server.lines
    finally:
        if server.process.poll() is None:
            server.kill()
