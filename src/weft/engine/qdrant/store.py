"""QdrantStore: a client of one Qdrant server or cluster, and the collections that Weft makes there."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from qdrant_client import models

from weft.domain.consistency import ConsistencyLevel, level
from weft.domain.errors import Misconfigured, Unsupported
from weft.domain.schema import Metric
from weft.engine.qdrant import vectors as vector_indexes
from weft.engine.qdrant.failures import Refused, explained
from weft.engine.qdrant.names import TENANT, WORDS, name_of, vector_name
from weft.engine.qdrant.rows import QdrantRows
from weft.engine.remote.row_test import KeyKind
from weft.engine.remote.store import OtherDimensions, RemoteAbilities, RowLayout, StoredRow

_READS: Final = {
    ConsistencyLevel.ONE: 1,
    ConsistencyLevel.QUORUM: models.ReadConsistencyType.QUORUM,
    ConsistencyLevel.ALL: models.ReadConsistencyType.ALL,
}
_WRITES: Final = {
    ConsistencyLevel.ONE: models.WriteOrdering.WEAK,
    ConsistencyLevel.QUORUM: models.WriteOrdering.MEDIUM,
    ConsistencyLevel.ALL: models.WriteOrdering.STRONG,
}

T = TypeVar("T")
Asked = TypeVar("Asked")

_OLDEST: Final = (1, 18)
"""From it on a vector can be added to a collection."""
_WITH_SUBSTRINGS: Final = (1, 20)
_KEPT_S: Final = 2.0
_SIDE_BY_SIDE: Final = 8
_SCHEMAS: Final = {KeyKind.KEYWORD: "keyword", KeyKind.INTEGER: "integer", KeyKind.NUMBER: "float"}


@dataclass(frozen=True, slots=True)
class QdrantOptions:
    """``replicas``, ``shards``: of new collections, None: as the server has it; ``acknowledged``: how many replicas
    must have a write; ``consistency``: of reads, as Qdrant names it."""

    prefix: str
    replicas: int | None = None
    shards: int | None = None
    acknowledged: int | None = None
    consistency: Any = None


class QdrantStore:
    """``client``: a ``QdrantClient``, which is closed with it; ``probe``: another one, which waits a few seconds at
    most. Raises Misconfigured for a server that is too old."""

    def __init__(self, client: Any, version: str, options: QdrantOptions, probe: Any = None) -> None:
        self.client = client
        self._probe = probe or client
        self._options = options
        number = tuple(int(one) for one in version.split("-")[0].split(".")[:2])
        if number < _OLDEST:
            raise Misconfigured(
                f"Qdrant {version} is too old: Weft needs {'.'.join(map(str, _OLDEST))} or later, because the "
                "dimensions of a vector are known only when the first one comes"
            )
        self._abilities = RemoteAbilities(
            name="qdrant",
            version=version,
            metrics=frozenset(vector_indexes.DISTANCES),
            substrings=number >= _WITH_SUBSTRINGS,
            exact_integers=2**53,
            exact_numbers=False,
            normalised=frozenset({Metric.COSINE}),
        )
        self._pool = ThreadPoolExecutor(_SIDE_BY_SIDE, thread_name_prefix="weft-qdrant")
        self._lock = threading.Lock()
        self._dims: dict[str, tuple[float, Mapping[str, int]]] = {}

    @property
    def abilities(self) -> RemoteAbilities:
        return self._abilities

    @property
    def prefix(self) -> str:
        return self._options.prefix

    @property
    def consistency(self) -> Any:
        """Of the reads of this request."""
        asked = level()
        return self._options.consistency if asked is None else _READS[asked]

    @property
    def ordering(self) -> Any:
        """Of the writes of this request, but for those that depend on what is there, which are always strong."""
        asked = level()
        return None if asked is None else _WRITES[asked]

    def side_by_side(self, ask: Callable[[Asked], T], questions: Sequence[Asked]) -> list[T]:
        if len(questions) < 2:
            return [ask(one) for one in questions]
        return [one.result() for one in [self._pool.submit(copy_context().run, ask, one) for one in questions]]

    # -- collections

    def check(self, layout: RowLayout) -> None:
        for name, index in layout.vectors.items():
            if index.metric not in self._abilities.metrics:
                raise Unsupported(
                    f"the engine 'qdrant' has no metric {index.metric} (vector {name!r}); it has "
                    f"{', '.join(sorted(one.value for one in self._abilities.metrics))}",
                    engine="qdrant",
                    vector=name,
                )

    def make(self, layout: RowLayout) -> None:
        with explained():
            there = self.client.collection_exists(layout.name)
        if not there:
            self._create(layout)
        with explained():
            info = self.client.get_collection(layout.name)
        known = info.payload_schema or {}
        missing: dict[str, Any] = {
            key.name: models.PayloadSchemaType(_SCHEMAS[key.kind])
            for key in layout.keys
            if key.name in layout.indexed and key.name not in known
        }
        if layout.tenants and TENANT.name not in known:
            kept_together = models.KeywordIndexParams(type=models.KeywordIndexType.KEYWORD, is_tenant=True)
            missing[TENANT.name] = kept_together
        for number, (key, schema) in enumerate(missing.items(), 1):  # in order, so the last one says that all are there
            with explained():
                self.client.create_payload_index(layout.name, key, schema, wait=number == len(missing))
        self._tune(layout, info)

    def _create(self, layout: RowLayout) -> None:
        options = self._options
        self._unless_there(
            lambda: self.client.create_collection(
                layout.name,
                vectors_config={},
                sparse_vectors_config={WORDS: models.SparseVectorParams()},
                shard_number=options.shards,
                replication_factor=options.replicas,
                write_consistency_factor=options.acknowledged,
                on_disk_payload=True,
            )
        )

    def _unless_there(self, make: Callable[[], object]) -> None:
        """Another server may make the same at the same time."""
        try:
            with explained():
                make()
        except Refused as refused:
            if "exists" not in refused.message:
                raise

    def _tune(self, layout: RowLayout, info: Any) -> None:
        """Graphs and compression as configured, where they are not yet."""
        wanted = {}
        for own, params in (info.config.params.vectors or {}).items():
            name = name_of(own)
            if name is None or name not in layout.vectors:
                continue
            settings = vector_indexes.settings(layout.vectors[name])
            if not _is_as(params, settings):
                wanted[own] = settings
        if wanted:
            with explained():
                self.client.update_collection(layout.name, vectors_config=wanted)

    def drop(self, name: str) -> None:
        self.forget_dims(name)
        try:
            with explained():
                self.client.delete_collection(name)
        except Refused as refused:
            if not refused.missing:
                raise

    def names(self) -> list[str]:
        with explained():
            found = self.client.get_collections().collections
        return [one.name for one in found if one.name.startswith(self._options.prefix)]

    def rows(self, layout: RowLayout, tenant: str | None) -> QdrantRows:
        return QdrantRows(self, layout, tenant)

    # -- vectors

    def dims(self, layout: RowLayout) -> Mapping[str, int]:
        """Kept for a moment where all vectors are known."""
        now = time.monotonic()
        known = self._dims.get(layout.name)
        if known is not None and now - known[0] < _KEPT_S and known[1].keys() >= layout.vectors.keys():
            return known[1]
        with explained():
            params = self.client.get_collection(layout.name).config.params.vectors or {}
        found = {name: one.size for own, one in params.items() if (name := name_of(own)) is not None}
        self._dims[layout.name] = now, found
        return found

    def forget_dims(self, name: str) -> None:
        self._dims.pop(name, None)

    def ensure_vectors(self, layout: RowLayout, rows: Sequence[StoredRow]) -> None:
        """Create the vectors that the collection lacks. Raises OtherDimensions."""
        wanted: dict[str, int] = {}
        for row in rows:
            for name, vector in row.vectors.items():
                if wanted.setdefault(name, vector.shape[-1]) != vector.shape[-1]:
                    raise OtherDimensions(name, wanted[name], vector.shape[-1])
        if not wanted:
            return
        with self._lock:
            known = self.dims(layout)
            for name, dims in wanted.items():
                if known.get(name, dims) != dims:
                    self.forget_dims(layout.name)
                    known = self.dims(layout)
                if name in known and known[name] != dims:
                    raise OtherDimensions(name, known[name], dims)
                if name not in known:
                    self._create_vector(layout, name, dims)
                    known = self.dims(layout)
                    if known.get(name) != dims:
                        raise OtherDimensions(name, known.get(name, 0), dims)

    def _create_vector(self, layout: RowLayout, name: str, dims: int) -> None:
        index, own = layout.vectors[name], vector_name(name)
        self._unless_there(
            lambda: self.client.create_vector_name(layout.name, own, vector_indexes.created(index, dims), wait=True)
        )
        with explained():
            self.client.update_collection(layout.name, vectors_config={own: vector_indexes.settings(index)})
        self.forget_dims(layout.name)

    def forget_vector(self, layout: RowLayout, name: str) -> None:
        own = vector_name(name)
        having = models.Filter(must=[models.HasVectorCondition(has_vector=own)])
        with self._lock, explained():
            if self.client.count(layout.name, count_filter=having, exact=True).count == 0:
                self.client.delete_vector_name(layout.name, own, wait=True)
            self.forget_dims(layout.name)

    def ping(self) -> None:
        with explained():
            self._probe.info()

    def clear(self) -> None:
        for name in self.names():
            self.drop(name)

    def close(self) -> None:
        self._pool.shutdown()
        self._probe.close()
        self.client.close()


def _is_as(params: Any, wanted: models.VectorParamsDiff) -> bool:
    """Whether a vector has the settings ``wanted`` already."""
    graph, asked = params.hnsw_config, wanted.hnsw_config
    same_graph = graph is not None and (graph.m, graph.ef_construct) == (asked.m, asked.ef_construct)
    compressed = wanted.quantization_config
    none = compressed is models.Disabled.DISABLED
    return same_graph and (params.quantization_config is None if none else params.quantization_config == compressed)
