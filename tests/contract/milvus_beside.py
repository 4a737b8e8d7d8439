"""A Milvus store for the contract suites, whose collections have more vectors than Milvus 2.3.5 keeps.

The first single vector of a collection is in Milvus, with everything else of its rows; what that version cannot have,
further vectors and multi-vectors, is kept beside it by the reference. So a suite runs as it is, and every read but
those of the further vectors is answered by Milvus.

A new collection takes Milvus two seconds, so the parts of a suite can share one, as tenants of it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from hashlib import blake2b
from typing import Any

from reference.remote import ReferenceRows, ReferenceStore
from weft.domain.objects import Vector
from weft.domain.schema import Metric, VectorIndexConfig
from weft.engine.milvus.rows import MilvusRows
from weft.engine.milvus.store import MilvusStore
from weft.engine.remote.row_test import EVERYTHING, HasVector, Key, RowTest
from weft.engine.remote.store import RankedRow, RemoteAbilities, RowLayout, SeenRow, StoredRow

SHARED = {"flat": VectorIndexConfig(kind="flat", metric=Metric.L2)}


class BesideStore:
    """``shared``: the parts of all collections are tenants of one collection of Milvus, with the vector ``SHARED``."""

    def __init__(self, milvus: MilvusStore, *, shared: bool) -> None:
        self.milvus = milvus
        self._shared = shared
        self._beside = ReferenceStore()
        self._layouts: dict[str, RowLayout] = {}
        self._tenants: dict[str, set[str]] = {}

    @property
    def abilities(self) -> RemoteAbilities:
        return replace(self.milvus.abilities, vectors=None, multivectors=True, metrics=frozenset(Metric))

    def check(self, layout: RowLayout) -> None:
        pass

    def layout(self, layout: RowLayout) -> RowLayout:
        """What Milvus has of it."""
        if self._shared:
            return replace(layout, name="weft_shared", vectors=SHARED, words=True, tenants=True)
        first = [(name, one) for name, one in layout.vectors.items() if one.multivector is None][:1]
        return replace(layout, vectors=dict(first))

    def make(self, layout: RowLayout) -> None:
        self._layouts[layout.name] = self.layout(layout)
        self._beside.make(layout)
        if not self._shared:
            self.milvus.make(self._layouts[layout.name])

    def drop(self, name: str) -> None:
        if self._shared:
            for tenant in self._tenants.pop(name, ()):
                self.milvus.rows(self._layouts[name], tenant).delete(EVERYTHING)
        else:
            self.milvus.drop(name)
        self._beside.drop(name)

    def names(self) -> list[str]:
        return self._beside.names()

    def rows(self, layout: RowLayout, tenant: str | None) -> BesideRows:
        own = tenant
        if self._shared:
            own = blake2b(f"{layout.name}/{tenant}".encode(), digest_size=8).hexdigest()
            self._tenants.setdefault(layout.name, set()).add(own)
        rows = self.milvus.rows(self.layout(layout), own)
        return BesideRows(rows, self._beside.rows(layout, tenant), frozenset(self.layout(layout).vectors))

    def forget_vector(self, layout: RowLayout, name: str) -> None:
        if name in self.layout(layout).vectors:
            assert not self._shared, "a shared vector has the dimensions of all"
            self.milvus.forget_vector(self.layout(layout), name)
        self._beside.forget_vector(layout, name)

    def ping(self) -> None:
        self.milvus.ping()

    def clear(self) -> None:
        self.milvus.clear()
        self._beside.clear()

    def close(self) -> None:
        """The client is used again."""


class BesideRows:
    def __init__(self, milvus: MilvusRows, beside: ReferenceRows, own: frozenset[str]) -> None:
        self._milvus = milvus
        self._beside = beside
        self._own = own

    def dims(self) -> Mapping[str, int]:
        return self._beside.dims()

    def fetch(self, uuids: Sequence[bytes]) -> list[SeenRow | None]:
        return self._milvus.fetch(uuids)

    def vectors(self, name: str, uuids: Sequence[bytes]) -> list[Vector | None]:
        return (self._milvus if name in self._own else self._beside).vectors(name, uuids)

    def scan(self, where: RowTest, after: bytes | None, limit: int) -> list[SeenRow]:
        return self._milvus.scan(where, after, limit)

    def count(self, where: Sequence[RowTest]) -> list[int]:
        """Whether a row has a vector that is kept beside it is asked by itself only."""
        beside = {at for at, one in enumerate(where) if isinstance(one, HasVector) and one.name not in self._own}
        counted = iter(self._milvus.count([one for at, one in enumerate(where) if at not in beside]))
        return [self._beside.count([one])[0] if at in beside else next(counted) for at, one in enumerate(where)]

    def facet(self, key: Key, where: RowTest) -> Mapping[Any, int]:
        return self._milvus.facet(key, where)

    def nearest(self, name: str, query: Vector, k: int, where: RowTest) -> list[RankedRow]:
        return (self._milvus if name in self._own else self._beside).nearest(name, query, k, where)

    def words(self, weights: Mapping[int, float], k: int, where: RowTest) -> list[RankedRow]:
        return self._milvus.words(weights, k, where)

    def write(self, rows: Sequence[StoredRow]) -> None:
        self._beside.write(rows)
        self._milvus.write([replace(row, vectors=self._of(row)) for row in rows])

    def insert(self, rows: Sequence[StoredRow]) -> None:
        self._milvus.insert(rows)

    def replace(self, rows: Sequence[StoredRow], key: Key, values: Sequence[str]) -> None:
        self._milvus.replace(rows, key, values)

    def delete(self, where: RowTest) -> None:
        self._milvus.delete(where)
        self._beside.delete(where)

    def _of(self, row: StoredRow) -> dict[str, Vector]:
        return {name: vector for name, vector in row.vectors.items() if name in self._own}
