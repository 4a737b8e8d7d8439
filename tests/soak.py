"""What the soak's clients do, and what they know of it: see ``faults/test_soak.py``."""

from __future__ import annotations

import random
import threading
import traceback
import uuid
from collections import defaultdict
from collections.abc import Callable
from typing import Any

import httpx
import numpy as np
from weaviate.classes.aggregate import GroupByAggregate
from weaviate.classes.config import Configure, DataType, Property
from weaviate.classes.data import DataObject, DataReference
from weaviate.classes.query import Filter
from weaviate.classes.tenants import Tenant, TenantActivityStatus
from weaviate.exceptions import WeaviateBaseError

from server import Server

PLAIN, SHARED, MEANT, LINKED = "Plain", "Shared", "Meant", "Linked"
DIMS, BATCH, KEYS = 8, 25, 300

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
