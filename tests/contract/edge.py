"""EdgeClient: what Weft calls of a Qdrant client, answered by Qdrant's own shards in this process.

``qdrant-edge-py`` is the code of a Qdrant server below its network: segments, log, filters, graphs, sparse vectors.
"""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import qdrant_edge as edge
from qdrant_client import models

VERSION = "1.20.0"
_DISTANCES = {
    models.Distance.COSINE: edge.Distance.Cosine,
    models.Distance.DOT: edge.Distance.Dot,
    models.Distance.EUCLID: edge.Distance.Euclid,
    models.Distance.MANHATTAN: edge.Distance.Manhattan,
}
_SCHEMAS = {
    models.PayloadSchemaType.KEYWORD: edge.PayloadSchemaType.Keyword,
    models.PayloadSchemaType.INTEGER: edge.PayloadSchemaType.Integer,
    models.PayloadSchemaType.FLOAT: edge.PayloadSchemaType.Float,
}
_MODES = {
    models.UpdateMode.INSERT_ONLY: edge.UpdateMode.InsertOnly,
    models.UpdateMode.UPDATE_ONLY: edge.UpdateMode.UpdateOnly,
}


class EdgeCollection:
    def __init__(self, shard: Any) -> None:
        self.shard = shard
        self.vectors: dict[str, Any] = {}
        self.sparse: dict[str, Any] = {}
        self.payload: dict[str, Any] = {}
        self.turn = threading.Lock()


class EdgeClient:
    """Each collection is a shard in a folder of its name; it outlives ``close``, as a server does its clients."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._collections: dict[str, EdgeCollection] = {}

    def close(self) -> None:
        pass

    def info(self) -> Any:
        return SimpleNamespace(version=VERSION)

    # -- collections

    def collection_exists(self, name: str) -> bool:
        return name in self._collections

    def get_collections(self) -> Any:
        return SimpleNamespace(collections=[SimpleNamespace(name=name) for name in self._collections])

    def create_collection(self, name: str, *, sparse_vectors_config: Any, **settings: Any) -> None:
        path = self._folder / name
        path.mkdir(parents=True)
        sparse = {name: edge.EdgeSparseVectorParams() for name in sparse_vectors_config or {}}
        made = EdgeCollection(edge.EdgeShard.create(str(path), edge.EdgeConfig(vectors={}, sparse_vectors=sparse)))
        made.sparse = dict(sparse_vectors_config or {})
        self._collections[name] = made

    def delete_collection(self, name: str) -> None:
        if (gone := self._collections.pop(name, None)) is not None:
            gone.shard.close()
            shutil.rmtree(self._folder / name)
        if not self._collections:
            shutil.rmtree(self._folder, ignore_errors=True)

    def get_collection(self, name: str) -> Any:
        one = self._collections[name]
        params = SimpleNamespace(vectors=dict(one.vectors), sparse_vectors=dict(one.sparse))
        return SimpleNamespace(config=SimpleNamespace(params=params), payload_schema=dict(one.payload))

    def update_collection(self, name: str, *, vectors_config: Any) -> None:
        for vector, settings in vectors_config.items():
            known = self._collections[name].vectors[vector]
            known.hnsw_config = settings.hnsw_config
            compressed = settings.quantization_config
            known.quantization_config = None if compressed is models.Disabled.DISABLED else compressed

    def create_vector_name(self, name: str, vector: str, config: Any, *, wait: bool = True) -> None:
        one = self._collections[name]
        dense = config.dense
        several = (
            None if dense.multivector_config is None else edge.MultiVectorConfig(edge.MultiVectorComparator.MaxSim)
        )
        self._update(
            one, edge.UpdateOperation.create_dense_vector(vector, dense.size, _DISTANCES[dense.distance], several)
        )
        one.vectors[vector] = SimpleNamespace(size=dense.size, hnsw_config=None, quantization_config=None)

    def delete_vector_name(self, name: str, vector: str, *, wait: bool = True) -> None:
        one = self._collections[name]
        self._update(one, edge.UpdateOperation.delete_vector_name(vector))
        del one.vectors[vector]

    def create_payload_index(self, name: str, key: str, schema: Any, *, wait: bool = True) -> None:
        one = self._collections[name]
        kind = models.PayloadSchemaType.KEYWORD if isinstance(schema, models.KeywordIndexParams) else schema
        self._update(one, edge.UpdateOperation.create_field_index(key, _SCHEMAS[kind]))
        one.payload[key] = kind

    # -- reading

    def retrieve(self, name: str, ids: Sequence[str], *, with_payload: Any, with_vectors: Any, **asked: Any) -> Any:
        found = self._collections[name].shard.retrieve(
            [UUID(one) for one in ids], with_payload=bool(with_payload), with_vector=bool(with_vectors)
        )
        return [_point(one) for one in found]

    def scroll(self, name: str, *, scroll_filter: Any, limit: int, offset: str | None, **asked: Any) -> Any:
        start = None if offset is None else UUID(offset)
        request = edge.ScrollRequest(start, limit, _filter(scroll_filter), True, False)
        found, following = self._collections[name].shard.scroll(request)
        return [_point(one) for one in found], following

    def count(self, name: str, *, count_filter: Any, exact: bool) -> Any:
        counted = self._collections[name].shard.count(edge.CountRequest(exact=exact, filter=_filter(count_filter)))
        return SimpleNamespace(count=counted)

    def facet(self, name: str, key: str, *, facet_filter: Any, limit: int, exact: bool) -> Any:
        return self._collections[name].shard.facet(edge.FacetRequest(key, limit, exact, _filter(facet_filter)))

    def query_points(
        self, name: str, *, query: Any, using: str, query_filter: Any, search_params: Any, limit: int, **asked: Any
    ) -> Any:
        if isinstance(query, models.SparseVector):
            query = edge.SparseVector(query.indices, query.values)
        params = edge.SearchParams(exact=True) if search_params is not None and search_params.exact else None
        found = self._collections[name].shard.query(
            edge.QueryRequest(
                limit=limit,
                query=edge.Query.Nearest(query, using=using),
                filter=_filter(query_filter),
                with_payload=True,
                params=params,
            )
        )
        return SimpleNamespace(points=[_point(one) for one in found])

    # -- writing

    def upsert(
        self,
        name: str,
        points: Sequence[Any],
        *,
        wait: bool,
        update_filter: Any = None,
        update_mode: Any = None,
        ordering: Any = None,
    ) -> None:
        made = [edge.Point(UUID(one.id), {n: _vector(v) for n, v in one.vector.items()}, one.payload) for one in points]
        condition = None if update_filter is None else _filter(update_filter)
        self._update(
            self._collections[name],
            edge.UpdateOperation.upsert_points(made, condition, _MODES.get(update_mode, edge.UpdateMode.Upsert)),
        )

    def delete(self, name: str, selector: Any, *, wait: bool, ordering: Any) -> None:
        self._update(self._collections[name], edge.UpdateOperation.delete_points_by_filter(_filter(selector.filter)))

    @staticmethod
    def _update(collection: EdgeCollection, operation: Any) -> None:
        with collection.turn:  # as a server's queue of updates
            collection.shard.update(operation)


def _vector(given: Any) -> Any:
    return edge.SparseVector(given.indices, given.values) if isinstance(given, models.SparseVector) else given


def _point(found: Any) -> Any:
    return SimpleNamespace(
        id=str(found.id),
        payload=getattr(found, "payload", None),
        vector=getattr(found, "vector", None),
        score=getattr(found, "score", None),
    )


def _filter(given: Any) -> Any:
    def each(conditions: Any) -> list[Any] | None:
        return None if conditions is None else [_condition(one) for one in conditions]

    return edge.Filter(must=each(given.must), should=each(given.should), must_not=each(given.must_not))


_CONDITIONS: dict[type, Callable[[Any], Any]] = {
    models.Filter: _filter,
    models.HasIdCondition: lambda one: edge.HasIdCondition({UUID(uuid) for uuid in one.has_id}),
    models.HasVectorCondition: lambda one: edge.HasVectorCondition(one.has_vector),
    models.IsEmptyCondition: lambda one: edge.IsEmptyCondition(one.is_empty.key),
}


def _condition(given: Any) -> Any:
    if (make := _CONDITIONS.get(type(given))) is not None:
        return make(given)
    if given.range is not None:
        wide = given.range
        return edge.FieldCondition(given.key, range=edge.RangeFloat(wide.gte, wide.gt, wide.lte, wide.lt))
    if isinstance(given.match, models.MatchSubstring):
        return edge.FieldCondition(given.key, match=edge.MatchSubstring(given.match.substring))
    return edge.FieldCondition(given.key, match=edge.MatchAny(given.match.any))
