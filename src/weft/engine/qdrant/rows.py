"""QdrantRows: the points of one collection, or of one of its tenants."""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from qdrant_client import models

from weft.domain.objects import Vector
from weft.engine.qdrant import vectors as vector_indexes
from weft.engine.qdrant.compiler import compiled
from weft.engine.qdrant.failures import Refused, explained
from weft.engine.qdrant.ids import PointIds
from weft.engine.qdrant.names import BODY, TENANT, WORDS, vector_name
from weft.engine.remote.row_test import AnyOf, Key, RowTest, all_of
from weft.engine.remote.store import OtherDimensions, RankedRow, RowLayout, SeenRow, StoredRow

if TYPE_CHECKING:
    from weft.engine.qdrant.store import QdrantStore

_BODY: Final = [BODY]
_MOST_VALUES: Final = 1_000_000


class QdrantRows:
    def __init__(self, store: QdrantStore, layout: RowLayout, tenant: str | None) -> None:
        self._store = store
        self._client = store.client
        self._layout = layout
        self._name = layout.name
        self._tenant = tenant
        self._ids = PointIds(tenant)
        self._mine = None if tenant is None else AnyOf(TENANT, (tenant,))

    def _where(self, where: RowTest) -> models.Filter:
        return compiled(where if self._mine is None else all_of((self._mine, where)), self._ids)

    def dims(self) -> Mapping[str, int]:
        return self._store.dims(self._layout)

    # -- reading

    def fetch(self, uuids: Sequence[bytes]) -> list[SeenRow | None]:
        if not uuids:
            return []
        found = {point.id: point for point in self._retrieve(uuids, with_payload=_BODY, with_vectors=False)}
        return [
            None if (point := found.get(self._ids.of(uuid))) is None else SeenRow(uuid, _body(point)) for uuid in uuids
        ]

    def vectors(self, name: str, uuids: Sequence[bytes]) -> list[Vector | None]:
        if not uuids or name not in self.dims():
            return [None] * len(uuids)
        own = vector_name(name)
        points = self._retrieve(uuids, with_payload=False, with_vectors=[own])
        found = {point.id: (point.vector or {}).get(own) for point in points}
        return [
            None if (vector := found.get(self._ids.of(uuid))) is None else np.asarray(vector, np.float32)
            for uuid in uuids
        ]

    def _retrieve(self, uuids: Sequence[bytes], **asked: Any) -> Any:
        with explained():
            return self._client.retrieve(
                self._name, [self._ids.of(uuid) for uuid in uuids], consistency=self._store.consistency, **asked
            )

    def scan(self, where: RowTest, after: bytes | None, limit: int) -> list[SeenRow]:
        found: list[SeenRow] = []
        for start, end in self._ids.ranges(after):
            if len(found) < limit:
                with explained():
                    points, _ = self._client.scroll(
                        self._name,
                        scroll_filter=self._where(where),
                        limit=limit - len(found),
                        offset=start,
                        with_payload=_BODY,
                        with_vectors=False,
                        consistency=self._store.consistency,
                    )
                found += [self._seen(point) for point in points if end is None or point.id < end]
        return found

    def count(self, where: Sequence[RowTest]) -> list[int]:
        def one(test: RowTest) -> int:
            with explained():
                counted: int = self._client.count(self._name, count_filter=self._where(test), exact=True).count
                return counted

        return self._store.side_by_side(one, where)

    def facet(self, key: Key, where: RowTest) -> Mapping[Any, int]:
        with explained():
            found = self._client.facet(
                self._name, key.name, facet_filter=self._where(where), limit=_MOST_VALUES, exact=True
            )
        return {hit.value: hit.count for hit in found.hits}

    def nearest(self, name: str, query: Vector, k: int, where: RowTest) -> list[RankedRow]:
        index = self._layout.vectors[name]
        params = vector_indexes.search_params(index, k)
        points = self._query(query.tolist(), vector_name(name), k, where, params)
        return [RankedRow(self._seen(point), vector_indexes.distance(index, point.score)) for point in points]

    def words(self, weights: Mapping[int, float], k: int, where: RowTest) -> list[RankedRow]:
        query = models.SparseVector(indices=list(weights), values=list(weights.values()))
        return [RankedRow(self._seen(point), point.score) for point in self._query(query, WORDS, k, where, None)]

    def _query(self, query: Any, using: str, k: int, where: RowTest, params: models.SearchParams | None) -> list[Any]:
        with explained():
            found = self._client.query_points(
                self._name,
                query=query,
                using=using,
                query_filter=self._where(where),
                search_params=params,
                limit=k,
                with_payload=_BODY,
                with_vectors=False,
                consistency=self._store.consistency,
            )
        points: list[Any] = found.points
        return points

    # -- writing

    def write(self, rows: Sequence[StoredRow]) -> None:
        self._upsert(rows, ordering=self._store.ordering)

    def insert(self, rows: Sequence[StoredRow]) -> None:
        self._upsert(rows, update_mode=models.UpdateMode.INSERT_ONLY, ordering=models.WriteOrdering.STRONG)

    def replace(self, rows: Sequence[StoredRow], key: Key, values: Sequence[str]) -> None:
        """Tokens are of one row each, so one test does for all rows."""
        same = compiled(AnyOf(key, tuple(values)), self._ids)
        update = models.UpdateMode.UPDATE_ONLY
        self._upsert(rows, update_filter=same, update_mode=update, ordering=models.WriteOrdering.STRONG)

    def delete(self, where: RowTest) -> None:
        with explained():
            self._client.delete(
                self._name,
                models.FilterSelector(filter=self._where(where)),
                wait=True,
                ordering=models.WriteOrdering.STRONG,
            )

    def _upsert(self, rows: Sequence[StoredRow], **conditions: Any) -> None:
        if not rows:
            return
        self._store.ensure_vectors(self._layout, rows)
        points = [self._point(row) for row in rows]
        try:
            for some in _in_size(points, rows):
                with explained():
                    self._client.upsert(self._name, some, wait=True, **conditions)
        except Refused as refused:
            if refused.dims is None:
                raise
            self._store.forget_dims(self._name)
            known = self.dims()
            for row in rows:
                for name, vector in row.vectors.items():
                    if known.get(name) != vector.shape[-1]:
                        raise OtherDimensions(name, known.get(name, 0), vector.shape[-1]) from refused
            raise

    def _seen(self, point: Any) -> SeenRow:
        return SeenRow(self._ids.uuid(str(point.id)), _body(point))

    def _point(self, row: StoredRow) -> models.PointStruct:
        payload: dict[str, Any] = {BODY: b64encode(row.body).decode("ascii")}
        if self._tenant is not None:
            payload[TENANT.name] = self._tenant
        several = {key.name for key in self._layout.keys if key.several}
        for name, values in row.keys.items():
            payload[name] = list(values) if name in several else values[0]
        found: dict[str, Any] = {vector_name(name): vector.tolist() for name, vector in row.vectors.items()}
        if row.words:
            found[WORDS] = models.SparseVector(indices=list(row.words), values=list(row.words.values()))
        return models.PointStruct(id=self._ids.of(row.uuid), vector=found, payload=payload)


_MOST_BYTES: Final = 16 << 20
"""Of one request, about; Qdrant's own limit is twice as much."""


def _in_size(points: Sequence[models.PointStruct], rows: Sequence[StoredRow]) -> list[list[models.PointStruct]]:
    """Groups of points that are not too large for a request."""
    groups: list[list[models.PointStruct]] = []
    size = _MOST_BYTES
    for point, row in zip(points, rows, strict=True):
        mine = 2 * len(row.body) + 12 * sum(vector.size for vector in row.vectors.values()) + 40 * len(row.words)
        if size + mine > _MOST_BYTES:
            groups.append([])
            size = 0
        groups[-1].append(point)
        size += mine
    return groups


def _body(point: Any) -> bytes:
    return b64decode(point.payload[BODY])
