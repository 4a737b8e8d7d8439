"""A client of the soak: it writes, searches and changes what it has, at random, until the server is gone."""

from __future__ import annotations

import random
import threading
import traceback
import uuid
from collections.abc import Callable, Sequence
from typing import Any

import httpx
from weaviate.classes.aggregate import GroupByAggregate
from weaviate.classes.config import Configure, DataType, Property
from weaviate.classes.data import DataObject, DataReference
from weaviate.classes.query import Filter
from weaviate.classes.tenants import Tenant, TenantActivityStatus
from weaviate.exceptions import WeaviateBaseError

from server import Server
from soak.ledger import (
    LINKED,
    MEANT,
    PLAIN,
    SHARED,
    Ledger,
    Place,
    kind_of,
    properties_of,
    tokens_of,
    vector_of,
    vectors_of,
)

BATCH, KEYS = 25, 150
Step = tuple[int, Callable[[], None]]
"""How often it is taken, and what it does."""

PROPERTIES = (
    Property(name="n", data_type=DataType.INT, index_range_filters=True),
    Property(name="word", data_type=DataType.TEXT),
    Property(name="kind", data_type=DataType.TEXT),
    Property(name="text", data_type=DataType.TEXT),
)


class Worker:
    """Works on objects and tenants of its own, and on collections that come and go."""

    def __init__(self, number: int, seed: int, pause_s: float = 0.0) -> None:
        self.number = number
        self._pause_s = pause_s
        self.rng = random.Random(seed)
        self.ledger = Ledger()
        self.failure = ""
        self.done = 0

    def steps(self) -> Sequence[Step]:
        return (
            (8, self.insert_many),
            (3, self.insert_one),
            (3, self.merge),
            (3, self.delete_some),
            (2, self.delete_by_number),
            (1, self.delete_kind),
            (4, self.search),
            (2, self.aggregate),
            (2, self.change_tenant),
            (2, self.link),
            (1, self.add_property),
            (2, self.make_or_drop_collection),
        )

    def work(self, server: Server, over: threading.Event) -> None:
        """Until it is over, or a call fails; that is no failure of the server once it is over."""
        weights, steps = zip(*self.steps(), strict=True)
        try:
            with server.client() as self.client, httpx.Client(base_url=server.url("/v1"), timeout=60) as self.rest:
                while not over.wait(self._pause_s):
                    self.rng.choices(steps, weights)[0]()
                    self.done += 1
        except (WeaviateBaseError, httpx.HTTPError, OSError, AssertionError):
            if not over.is_set():
                self.failure = traceback.format_exc()
        except Exception:
            self.failure = traceback.format_exc()

    def place(self) -> Place:
        passing = [name for name, there in self.ledger.names.items() if there and "." not in name]
        collection = self.rng.choice((PLAIN, PLAIN, SHARED, MEANT, *passing[:1]))
        return collection, f"tenant{self.number}-{self.rng.randrange(3)}" if collection == SHARED else ""

    def objects(self, place: Place) -> Any:
        found = self.client.collections.use(place[0])
        return found.with_tenant(place[1]) if place[1] else found

    def some(self, place: Place, count: int) -> list[uuid.UUID]:
        """New ones, or such as are there: more of these the more there are."""
        there = self.ledger.live(*place)
        old = self.rng.sample(there, min(len(there), count * len(there) // KEYS))
        return old + [uuid.UUID(int=self.rng.getrandbits(128)) for _ in range(count - len(old))]

    # -- objects

    def insert_many(self) -> None:
        self.insert_into(self.place())

    def insert_into(self, place: Place) -> None:
        chosen = {id_: self.rng.getrandbits(30) for id_ in self.some(place, BATCH)}

        def send() -> None:
            rows = [DataObject(properties_of(n), id_, vectors_of(place[0], n)) for id_, n in chosen.items()]
            result = self.objects(place).data.insert_many(rows)
            assert not result.has_errors, result.errors

        self.ledger.change(place, chosen, send)

    def insert_one(self) -> None:
        place = self.place()
        n, id_ = self.rng.getrandbits(30), self.some(place, 1)[0]
        data = self.objects(place).data
        send = data.replace if id_ in self.ledger.sure[place] else data.insert
        self.ledger.change(
            place, {id_: n}, lambda: send(properties=properties_of(n), uuid=id_, vector=vectors_of(place[0], n))
        )

    def merge(self) -> None:
        place = self.place()
        there = self.ledger.live(*place)
        if there:
            n, id_ = self.rng.getrandbits(30), self.rng.choice(there)
            data = self.objects(place).data
            self.ledger.change(
                place, {id_: n}, lambda: data.update(id_, properties_of(n), vector=vectors_of(place[0], n))
            )

    def delete_some(self) -> None:
        place = self.place()
        there = self.ledger.live(*place)
        chosen = self.rng.sample(there, min(len(there), 5))
        if chosen:
            data = self.objects(place).data
            self.ledger.change(
                place, dict.fromkeys(chosen), lambda: data.delete_many(where=Filter.by_id().contains_any(chosen))
            )

    def delete_by_number(self) -> None:
        place = PLAIN, ""
        there = self.ledger.live(*place)
        if there:
            id_ = self.rng.choice(there)
            n, data = self.ledger.sure[place][id_], self.objects(place).data
            self.ledger.change(place, {id_: None}, lambda: data.delete_many(where=Filter.by_property("n").equal(n)))

    def delete_kind(self) -> None:
        """A seventh of a tenant."""
        place = SHARED, f"tenant{self.number}-{self.rng.randrange(3)}"
        there = self.ledger.sure[place]
        if there:
            kind, data = kind_of(self.rng.choice(list(there.values()))), self.objects(place).data
            chosen = [id_ for id_, n in there.items() if kind_of(n) == kind]

            def send() -> None:
                done = data.delete_many(where=Filter.by_property("kind").equal(kind))
                assert (done.failed, done.successful) == (0, len(chosen)), done

            self.ledger.change(place, dict.fromkeys(chosen), send)

    def search(self) -> None:
        place = self.place()
        there = self.ledger.live(*place)
        if there:
            id_ = self.rng.choice(there)
            n = self.ledger.sure[place][id_]
            query = self.objects(place).query
            found = query.bm25(f"word{n}", query_properties=["word"]).objects
            assert [one.uuid for one in found] == [id_], f"{found} instead of {id_}"
            if place[0] == PLAIN:
                found = query.near_vector(tokens_of(n), target_vector="tokens", limit=3).objects
                assert id_ in [one.uuid for one in found], f"{found} without {id_}"
                query.hybrid(f"word{n}", vector=vector_of(n), target_vector="whole", limit=5)

    def aggregate(self) -> None:
        place = self.place()
        there = self.ledger.live(*place)
        if place[1] and not there:
            return
        aggregate = self.objects(place).aggregate
        assert (aggregate.over_all(total_count=True).total_count or 0) >= len(there)
        aggregate.over_all(group_by=GroupByAggregate(prop="n"), total_count=True)

    def link(self) -> None:
        place = LINKED, ""
        there = self.ledger.live(*place)
        if len(there) < 20:
            self.insert_into(place)
            return
        pairs = [(self.rng.choice(there), self.rng.choice(there)) for _ in range(5)]
        for from_, to in pairs:
            self.ledger.perhaps_links[from_].add(to)
        references = [DataReference(from_property="to", from_uuid=from_, to_uuid=to) for from_, to in pairs]
        result = self.objects(place).data.reference_add_many(references)
        assert not result.has_errors, result.errors
        for from_, to in pairs:
            self.ledger.links[from_].add(to)

    # -- tenants, properties, collections

    def change_tenant(self) -> None:
        tenants = self.client.collections.use(SHARED).tenants
        name = f"tenant{self.number}-{self.rng.randrange(3)}"
        kind = self.rng.randrange(4)
        if kind == 0:
            self.ledger.drop((SHARED, name), lambda: tenants.remove([name]))
        elif name in tenants.get():
            status = TenantActivityStatus.INACTIVE if kind < 3 else TenantActivityStatus.ACTIVE
            tenants.update(Tenant(name=name, activity_status=status))

    def add_property(self) -> None:
        name = f"extra{self.number}_{self.rng.randrange(1_000_000)}"
        if sum("." in one for one in self.ledger.names) < 40:
            config = self.objects((PLAIN, "")).config
            self.ledger.name(
                f"{PLAIN}.{name}", True, lambda: config.add_property(Property(name=name, data_type=DataType.TEXT_ARRAY))
            )

    def make_or_drop_collection(self) -> None:
        name = f"Passing{self.number}_{self.rng.randrange(2)}"
        if self.ledger.names.get(name):
            self.drop(name)
            return
        self.make(name)
        self.insert_into((name, ""))

    def make(self, name: str) -> None:
        collections, vector = self.client.collections, Configure.Vectors.self_provided()
        self.ledger.name(
            name, True, lambda: collections.create(name, properties=list(PROPERTIES), vector_config=vector)
        )

    def drop(self, name: str) -> None:
        collections = self.client.collections
        self.ledger.name(name, False, lambda: self.ledger.drop((name, ""), lambda: collections.delete(name)))
