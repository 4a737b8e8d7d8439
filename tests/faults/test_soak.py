"""Everything at once, by official clients, on a server that is killed and stopped again and again.

An oracle knows what was acknowledged; after each restart all of it is there, nothing else is, and searches find it.
``SOAK_SECONDS`` makes it longer, ``SOAK_SEED`` repeats one (as far as threads repeat themselves).
"""

from __future__ import annotations

import os
import random
import threading
import time
import traceback
import uuid
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import numpy as np
import pytest
import weaviate
from weaviate.classes.aggregate import GroupByAggregate
from weaviate.classes.config import Configure, DataType, Property, ReferenceProperty
from weaviate.classes.data import DataObject, DataReference
from weaviate.classes.query import Filter, QueryReference
from weaviate.classes.tenants import Tenant, TenantActivityStatus
from weaviate.exceptions import WeaviateBaseError

from server import Server
from weft.storage import Catalog, ShardStore

SECONDS = float(os.environ.get("SOAK_SECONDS", "20"))
WORKERS, DIMS, BATCH, KEYS = 3, 8, 25, 300
PLAIN, SHARED, MEANT, LINKED = "Plain", "Shared", "Meant", "Linked"

Key = tuple[str, str, uuid.UUID]
"""Collection, tenant (or nothing), object."""


class Ledger:
    """One worker's: the number of each object, None where it is deleted, and what was sent and not acknowledged."""

    def __init__(self) -> None:
        self.sure: dict[Key, int | None] = {}
        self.unsure: dict[Key, set[int | None]] = defaultdict(set)
        self.links: dict[uuid.UUID, set[uuid.UUID]] = defaultdict(set)
        self.perhaps_links: dict[uuid.UUID, set[uuid.UUID]] = defaultdict(set)
        self.names: dict[str, bool] = {}
        """Properties of ``Plain``, and collections, that are there (True) or not."""
        self.perhaps_names: set[str] = set()

    def change(self, changes: dict[Key, int | None], send: Callable[[], None]) -> None:
        for key, n in changes.items():
            self.unsure[key].add(n)
        send()
        for key, n in changes.items():
            self.sure[key] = n
            self.unsure.pop(key, None)

    def name(self, name: str, there: bool, send: Callable[[], None]) -> None:
        self.perhaps_names.add(name)
        send()
        self.names[name] = there
        self.perhaps_names.discard(name)

    def live(self, collection: str, tenant: str = "") -> list[uuid.UUID]:
        return [key[2] for key, n in self.sure.items() if key[:2] == (collection, tenant) and n is not None]


def vector_of(n: int) -> list[float]:
    vector: list[float] = np.random.default_rng(n).normal(size=DIMS).astype(np.float32).tolist()
    return vector


def tokens_of(n: int) -> list[list[float]]:
    rng = np.random.default_rng(n)
    tokens: list[list[float]] = rng.normal(size=(rng.integers(1, 6), DIMS)).astype(np.float32).tolist()
    return tokens


def vectors_of(collection: str, n: int) -> Any:
    if collection == MEANT:
        return None
    return {"whole": vector_of(n), "tokens": tokens_of(n)} if collection == PLAIN else vector_of(n)


def properties_of(n: int) -> dict[str, Any]:
    return {"n": n, "word": f"word{n}"}


class Worker:
    """Works on objects and tenants of its own, until the server is gone."""

    def __init__(self, number: int, seed: int) -> None:
        self.number = number
        self.rng = random.Random(seed)
        self.ledger = Ledger()
        self.failure = ""
        self.done = 0
        self._steps: list[tuple[int, Callable[[], None]]] = [
            (8, self.insert_many),
            (3, self.insert_one),
            (3, self.merge),
            (3, self.delete_some),
            (2, self.delete_by_number),
            (4, self.search),
            (2, self.aggregate),
            (2, self.change_tenant),
            (2, self.link),
            (1, self.add_property),
            (1, self.make_or_drop_collection),
        ]

    def work(self, server: Server, over: threading.Event) -> None:
        try:
            with server.client() as self.client:
                weights, steps = zip(*self._steps, strict=True)
                while not over.is_set():
                    self.rng.choices(steps, weights)[0]()
                    self.done += 1
        except (WeaviateBaseError, httpx.HTTPError, OSError, AssertionError):
            if not over.is_set():
                self.failure = traceback.format_exc()
        except Exception:
            self.failure = traceback.format_exc()

    def place(self) -> tuple[str, str]:
        collection = self.rng.choice((PLAIN, PLAIN, SHARED, MEANT))
        return collection, f"tenant{self.number}-{self.rng.randrange(3)}" if collection == SHARED else ""

    def objects(self, collection: str, tenant: str) -> Any:
        found = self.client.collections.use(collection)
        return found.with_tenant(tenant) if tenant else found

    def some(self, collection: str, tenant: str, count: int) -> list[uuid.UUID]:
        """New ones, or such as are there: more of these the more there are."""
        there = self.ledger.live(collection, tenant)
        old = self.rng.sample(there, min(len(there), count * len(there) // KEYS))
        return old + [uuid.UUID(int=self.rng.getrandbits(128)) for _ in range(count - len(old))]

    def insert_many(self) -> None:
        collection, tenant = self.place()
        chosen = {id_: self.rng.getrandbits(30) for id_ in self.some(collection, tenant, BATCH)}

        def send() -> None:
            rows = [DataObject(properties_of(n), id_, vectors_of(collection, n)) for id_, n in chosen.items()]
            result = self.objects(collection, tenant).data.insert_many(rows)
            assert not result.has_errors, result.errors

        self.ledger.change({(collection, tenant, id_): n for id_, n in chosen.items()}, send)

    def insert_one(self) -> None:
        collection, tenant = self.place()
        n, id_ = self.rng.getrandbits(30), self.some(collection, tenant, 1)[0]
        data = self.objects(collection, tenant).data
        send = data.replace if id_ in self.ledger.live(collection, tenant) else data.insert
        self.ledger.change(
            {(collection, tenant, id_): n},
            lambda: send(properties=properties_of(n), uuid=id_, vector=vectors_of(collection, n)),
        )

    def merge(self) -> None:
        collection, tenant = self.place()
        there = self.ledger.live(collection, tenant)
        if there:
            n, id_ = self.rng.getrandbits(30), self.rng.choice(there)
            data = self.objects(collection, tenant).data
            self.ledger.change(
                {(collection, tenant, id_): n},
                lambda: data.update(id_, properties_of(n), vector=vectors_of(collection, n)),
            )

    def delete_some(self) -> None:
        collection, tenant = self.place()
        there = self.ledger.live(collection, tenant)
        chosen = self.rng.sample(there, min(len(there), 5))
        if chosen:
            data = self.objects(collection, tenant).data
            self.ledger.change(
                {(collection, tenant, id_): None for id_ in chosen},
                lambda: data.delete_many(where=Filter.by_id().contains_any(chosen)),
            )

    def delete_by_number(self) -> None:
        there = self.ledger.live(PLAIN)
        if there:
            id_ = self.rng.choice(there)
            n = self.ledger.sure[PLAIN, "", id_]
            data = self.objects(PLAIN, "").data
            self.ledger.change(
                {(PLAIN, "", id_): None}, lambda: data.delete_many(where=Filter.by_property("n").equal(n))
            )

    def search(self) -> None:
        collection, tenant = self.place()
        there = self.ledger.live(collection, tenant)
        if there:
            id_ = self.rng.choice(there)
            n = self.ledger.sure[collection, tenant, id_]
            query = self.objects(collection, tenant).query
            found = query.bm25(f"word{n}").objects
            assert [one.uuid for one in found] == [id_], f"{found} instead of {id_}"
            if collection == PLAIN:
                found = query.near_vector(tokens_of(n or 0), target_vector="tokens", limit=3).objects
                assert id_ in [one.uuid for one in found]
                query.hybrid(f"word{n}", vector=vector_of(n or 0), target_vector="whole", limit=5)

    def aggregate(self) -> None:
        collection, tenant = self.place()
        if tenant and not self.ledger.live(collection, tenant):
            return
        aggregate = self.objects(collection, tenant).aggregate
        assert (aggregate.over_all(total_count=True).total_count or 0) >= len(self.ledger.live(collection, tenant))
        aggregate.over_all(group_by=GroupByAggregate(prop="n"), total_count=True)

    def change_tenant(self) -> None:
        tenants = self.client.collections.use(SHARED).tenants
        name = f"tenant{self.number}-{self.rng.randrange(3)}"
        kind = self.rng.randrange(4)
        if kind == 0:
            gone: dict[Key, int | None] = {(SHARED, name, id_): None for id_ in self.ledger.live(SHARED, name)}
            self.ledger.change(gone, lambda: tenants.remove([name]))
        elif name in tenants.get():
            status = TenantActivityStatus.INACTIVE if kind < 3 else TenantActivityStatus.ACTIVE
            tenants.update(Tenant(name=name, activity_status=status))

    def link(self) -> None:
        there = self.ledger.live(LINKED)
        if len(there) < 20:
            id_ = uuid.UUID(int=self.rng.getrandbits(128))
            data = self.objects(LINKED, "").data
            self.ledger.change(
                {(LINKED, "", id_): 1}, lambda: data.insert({"n": 1, "word": "word1"}, uuid=id_, vector=vector_of(1))
            )
            return
        pairs = [(self.rng.choice(there), self.rng.choice(there)) for _ in range(5)]
        for from_, to in pairs:
            self.ledger.perhaps_links[from_].add(to)
        references = [DataReference(from_property="to", from_uuid=from_, to_uuid=to) for from_, to in pairs]
        result = self.objects(LINKED, "").data.reference_add_many(references)
        assert not result.has_errors, result.errors
        for from_, to in pairs:
            self.ledger.links[from_].add(to)

    def add_property(self) -> None:
        name = f"extra{self.number}_{self.rng.randrange(1_000_000)}"
        if len(self.ledger.names) < 40:
            config = self.objects(PLAIN, "").config
            self.ledger.name(
                name, True, lambda: config.add_property(Property(name=name, data_type=DataType.TEXT_ARRAY))
            )

    def make_or_drop_collection(self) -> None:
        name = f"Passing{self.number}_{self.rng.randrange(3)}"
        if self.ledger.names.get(name):
            self.ledger.name(name, False, lambda: self.client.collections.delete(name))
            return

        def send() -> None:
            made = self.client.collections.create(name, vector_config=Configure.Vectors.self_provided())
            made.data.insert_many([DataObject({"t": "word"}, vector=vector_of(n)) for n in range(5)])

        self.ledger.name(name, True, send)


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
        assert stored.keys() <= possible.keys(), "nobody stored these"
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
    catalog = Catalog(folder)
    try:
        for name, entry in catalog.collections().items():
            for shard in entry.shards.values():
                if (path := catalog.shard_folder(entry, shard) / "store").exists():
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
