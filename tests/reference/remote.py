"""A remote engine in plain Python: rows in a dict, every test by going through all of them."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from weft.domain.objects import Vector
from weft.domain.schema import Metric, VectorIndexConfig
from weft.engine.remote.distances import distances
from weft.engine.remote.row_test import (
    AllOf,
    AnyOf,
    Except,
    HasText,
    HasVector,
    IdIn,
    InRange,
    Key,
    OneOf,
    Present,
    RowTest,
)
from weft.engine.remote.store import OtherDimensions, RankedRow, RemoteAbilities, RowLayout, SeenRow, StoredRow

ABILITIES = RemoteAbilities("remote", "1", frozenset(Metric))


@dataclass
class StoredRows:
    """Of one collection; ``rows``: by tenant and uuid."""

    dims: dict[str, int] = field(default_factory=dict)
    rows: dict[tuple[str | None, bytes], StoredRow] = field(default_factory=dict)


class ReferenceStore:
    def __init__(self, abilities: RemoteAbilities = ABILITIES) -> None:
        self._abilities = abilities
        self.collections: dict[str, StoredRows] = {}
        self.turn = threading.RLock()

    @property
    def abilities(self) -> RemoteAbilities:
        return self._abilities

    def check(self, layout: RowLayout) -> None:
        pass

    def make(self, layout: RowLayout) -> None:
        self.collections.setdefault(layout.name, StoredRows())

    def drop(self, name: str) -> None:
        self.collections.pop(name, None)

    def names(self) -> list[str]:
        return list(self.collections)

    def rows(self, layout: RowLayout, tenant: str | None) -> ReferenceRows:
        return ReferenceRows(self, layout, tenant)

    def forget_vector(self, layout: RowLayout, name: str) -> None:
        stored = self.collections[layout.name]
        if not any(name in row.vectors for row in stored.rows.values()):
            stored.dims.pop(name, None)

    def ping(self) -> None:
        pass

    def clear(self) -> None:
        self.collections.clear()

    def close(self) -> None:
        pass


class ReferenceRows:
    def __init__(self, store: ReferenceStore, layout: RowLayout, tenant: str | None) -> None:
        self._store = store
        self._layout = layout
        self._tenant = tenant

    @property
    def _stored(self) -> StoredRows:
        return self._store.collections[self._layout.name]

    def _where(self, where: RowTest) -> list[StoredRow]:
        """In order of uuid."""
        with self._store.turn:
            rows = dict(self._stored.rows)
        mine = [row for (tenant, _), row in rows.items() if tenant == self._tenant]
        return sorted((row for row in mine if holds(where, row)), key=lambda row: row.uuid)

    def dims(self) -> Mapping[str, int]:
        return dict(self._stored.dims)

    def fetch(self, uuids: Sequence[bytes]) -> list[SeenRow | None]:
        found = [self._stored.rows.get((self._tenant, uuid)) for uuid in uuids]
        return [None if row is None else SeenRow(row.uuid, row.body) for row in found]

    def vectors(self, name: str, uuids: Sequence[bytes]) -> list[Vector | None]:
        found = [self._stored.rows.get((self._tenant, uuid)) for uuid in uuids]
        return [None if row is None or name not in row.vectors else row.vectors[name].copy() for row in found]

    def scan(self, where: RowTest, after: bytes | None, limit: int) -> list[SeenRow]:
        found = [row for row in self._where(where) if after is None or row.uuid > after]
        return [SeenRow(row.uuid, row.body) for row in found[:limit]]

    def count(self, where: Sequence[RowTest]) -> list[int]:
        return [len(self._where(one)) for one in where]

    def facet(self, key: Key, where: RowTest) -> Mapping[Any, int]:
        return Counter(value for row in self._where(where) for value in dict.fromkeys(row.keys.get(key.name, ())))

    def nearest(self, name: str, query: Vector, k: int, where: RowTest) -> list[RankedRow]:
        index: VectorIndexConfig = self._layout.vectors[name]
        rows = [row for row in self._where(where) if name in row.vectors]
        far = distances(index, query, [row.vectors[name] for row in rows])
        hits = [RankedRow(SeenRow(row.uuid, row.body), float(d)) for row, d in zip(rows, far, strict=True)]
        return sorted(hits, key=lambda hit: (hit.number, hit.row.body))[:k]

    def words(self, weights: Mapping[int, float], k: int, where: RowTest) -> list[RankedRow]:
        hits = [
            RankedRow(SeenRow(row.uuid, row.body), sum(weight * row.words.get(at, 0) for at, weight in weights.items()))
            for row in self._where(where)
        ]
        return sorted((hit for hit in hits if hit.number > 0), key=lambda hit: (-hit.number, hit.row.body))[:k]

    def write(self, rows: Sequence[StoredRow]) -> None:
        with self._store.turn:
            stored = self._stored
            for row in rows:
                assert all(row.keys.values()), "no key without a value"
                for name, vector in row.vectors.items():
                    if stored.dims.setdefault(name, vector.shape[-1]) != vector.shape[-1]:
                        raise OtherDimensions(name, stored.dims[name], vector.shape[-1])
            stored.rows |= {(self._tenant, row.uuid): row for row in rows}

    def insert(self, rows: Sequence[StoredRow]) -> None:
        with self._store.turn:
            self.write([row for row in rows if (self._tenant, row.uuid) not in self._stored.rows])

    def replace(self, rows: Sequence[StoredRow], key: Key, values: Sequence[str]) -> None:
        with self._store.turn:
            chosen = []
            for row, value in zip(rows, values, strict=True):
                known = self._stored.rows.get((self._tenant, row.uuid))
                if known is not None and value in known.keys.get(key.name, ()):
                    chosen.append(row)
            self.write(chosen)

    def delete(self, where: RowTest) -> None:
        with self._store.turn:
            for row in self._where(where):
                del self._stored.rows[self._tenant, row.uuid]


def holds(test: RowTest, row: StoredRow) -> bool:
    match test:
        case AllOf(tests):
            return all(holds(one, row) for one in tests)
        case OneOf(tests):
            return any(holds(one, row) for one in tests)
        case Except(one):
            return not holds(one, row)
        case IdIn(uuids):
            return row.uuid in uuids
        case HasVector(name):
            return name in row.vectors
        case Present(key):
            return bool(row.keys.get(key.name))
        case AnyOf(key, values):
            return any(value in values for value in row.keys.get(key.name, ()))
        case HasText(key, text):
            return any(text in str(value) for value in row.keys.get(key.name, ()))
        case InRange():
            return any(_inside(test, value) for value in row.keys.get(test.key.name, ()))


def _inside(test: InRange, value: Any) -> bool:
    above = test.low is None or value > test.low or (test.include_low and value == test.low)
    return above and (
        test.high is None or value < test.high or (test.include_high and bool(np.equal(value, test.high)))
    )
