"""SingleVectorIndex: nearest neighbours over one file of single vectors.

Invariants
- A search takes ``_view`` once; a view is replaced by one assignment and never changed.
- Every row of the source up to ``covered`` is in the frozen part or in the tail, so it is found immediately.
- Returned distances are computed from the stored float32, never from codes.
- ``_turn`` is held only to replace the view, never while something is built or read.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
from pyroaring import BitMap

from weft.domain.errors import Invalid
from weft.domain.objects import Vector
from weft.domain.schema import VectorIndexConfig
from weft.engine.embedded.index.allow_list import AllowList
from weft.engine.embedded.index.liveness import possibly_live
from weft.engine.embedded.index.ties import BY_DOC_ID, Ties
from weft.engine.embedded.index.vector import snapshot
from weft.engine.embedded.index.vector.codes import GrowingCodes
from weft.engine.embedded.index.vector.frozen import Frozen, Shape, freeze, grow
from weft.engine.embedded.index.vector.graph import in_background
from weft.engine.embedded.index.vector.kinds import BUILD_ROWS, KINDS, shape_for
from weft.engine.embedded.index.vector.query import LINEAR, METRIC_CODES, VectorQuery
from weft.engine.embedded.index.vector.search import VectorSearcher, VectorView
from weft.engine.embedded.index.vector_index import SourceCheck, VectorIndexStats, VectorSource
from weft.engine.embedded.storage.rows import VectorRows
from weft.engine.results import NO_NEIGHBOURS, DocIds, Neighbours

_log = logging.getLogger(__name__)
_DEAD_SHARE = 0.3
"""A frozen part with more dead rows than this is rebuilt without them."""

_SCANNED_GROWTH = 4
"""Scanned codes are frozen again when the tail holds one row for this many frozen ones,"""
_GRAPH_GROWTH = 100
"""a graph is extended when it holds one for this many, because its tail costs more to search,"""
_GRAPH_PART = 4
"""and in both cases at least BUILD_ROWS, or for a graph BUILD_ROWS divided by this."""


class SingleVectorIndex:
    """A ``VectorIndex`` of every kind but multi-vectors. ``build_rows`` is for tests; servers keep the kind's own."""

    def __init__(
        self,
        source: VectorSource[VectorRows],
        config: VectorIndexConfig,
        folder: Path,
        *,
        build_rows: int | None = None,
    ) -> None:
        kind = KINDS[config.kind]
        self._source = source
        self._config = config
        self._folder = folder
        self._build_rows = kind.build_rows(config) or build_rows or BUILD_ROWS
        self._idle = config.skip or not kind.searched
        self._searcher = VectorSearcher(config)
        self._check = SourceCheck(source)
        self._turn = threading.Lock()
        self._building = threading.Lock()
        self._saving = threading.Lock()
        self._closed = False
        self._tail: GrowingCodes | None = None
        self._saved: Frozen | None = None
        self._view = self._open()

    @property
    def covered(self) -> int:
        """Rows of the source that are searchable."""
        return len(self._view.rows)

    # -- writing

    def extend(self) -> None:
        """Takes in the rows that the source has beyond ``covered``; they are found when this returns."""
        with self._turn:
            rows = self._source.rows
            view = self._view
            if rows.generation != view.rows.generation or len(rows) < len(view.rows):
                self._tail = None
                view = VectorView(rows, None, None)
                done = 0
            else:
                done = len(view.rows)
            if self._idle or not len(rows):
                self._view = VectorView(rows, None, None)
                return
            if self._config.metric in LINEAR:
                if self._tail is None:
                    self._tail = GrowingCodes(rows.vectors.shape[1], self._config.metric)
                if done < len(rows):
                    self._tail.append(rows.vectors[done:])
            self._view = VectorView(rows, view.frozen, self._tail.codes if self._tail is not None else None)

    def _open(self) -> VectorView:
        """Loads the snapshot; the first ``extend`` takes in the later rows."""
        rows = self._source.rows
        if not self._idle and len(rows):
            loaded = snapshot.load(self._folder, self._shape(rows), rows)
            if loaded is not None:
                self._saved = loaded
                return VectorView(rows.first(loaded.covered), loaded, None)
        return VectorView(rows.first(0), None, None)

    # -- reading

    def search(
        self,
        query: Vector,
        k: int,
        allow: AllowList | None = None,
        *,
        max_distance: float | None = None,
        ties: Ties = BY_DOC_ID,
    ) -> Neighbours:
        """The ``k`` nearest of the allowed objects, ascending by distance, equal ones by ``ties``.

        ``query (d,) f32``. With ``max_distance`` only those within it (tolerance 1e-6). Raises Invalid when the
        query does not fit the stored vectors or the index was dropped, CorruptData when the vectors are damaged.
        """
        view = self._view
        self._check_searchable()
        if not len(view.rows):
            return NO_NEIGHBOURS
        prepared = VectorQuery.prepare(query, view.rows.vectors.shape[1], self._config.metric)
        if k <= 0 or (allow is not None and not len(allow)):
            return NO_NEIGHBOURS
        return self._searcher.search(view, prepared, min(k, len(view.rows)), allow, max_distance, ties)

    def distances(self, query: Vector, doc_ids: Sequence[int] | DocIds) -> Vector:
        """``(n,) f32`` exact distances of ``query (d,)``; NaN where the object has no such vector.

        Raises Invalid and CorruptData as ``search`` does, but answers for an index that was dropped, too.
        """
        from weft.engine.embedded.index.vector import kernels

        rows = self._view.rows
        self._check.require_whole()
        ids = np.asarray(doc_ids, np.uint32)
        if not len(rows):
            return np.full(len(ids), np.nan, np.float32)
        prepared = VectorQuery.prepare(query, rows.vectors.shape[1], self._config.metric)
        out = np.empty(len(ids), np.float32)
        metric = METRIC_CODES[self._config.metric]
        kernels.measure(rows.vectors, rows.find(ids), prepared.vector, metric, prepared.square, out)
        return out

    def stats(self) -> VectorIndexStats:
        view = self._view
        codes = (view.frozen.size_bytes if view.frozen is not None else 0) + (view.tail.size_bytes if view.tail else 0)
        waiting = len(view.rows) - view.tail_start if self._freezes(view.rows) else 0
        return VectorIndexStats(len(view.rows), waiting, {"codes": codes})

    # -- upkeep

    def maintain(self, live: BitMap) -> bool:
        """One step off the query path: checks some of the source, freezes the tail, or rebuilds; True if it did so.

        A build takes seconds to minutes, blocks neither readers nor the writer, and writes the snapshot. Raises
        CorruptData when the source's bytes are not what was written.
        """
        if not self._building.acquire(blocking=False):
            return False
        try:
            if self._closed or self._idle:
                return False
            if self._check.step():
                return True
            view = self._view
            if not self._freezes(view.rows):
                return False
            dead = self._dead(view, live)
            if not self._due(view, dead):
                return False
            frozen: list[Frozen | None] = []
            in_background(lambda: frozen.append(self._freeze(view, live, dead)), len(view.rows))
            if frozen[0] is None or not self._publish(frozen[0], view.rows.generation):
                return False
            self._save(frozen[0], view.rows)
            return True
        finally:
            self._building.release()

    def checkpoint(self) -> None:
        """Writes the frozen part if it is not on disk yet; the rows of the tail are read again from the source."""
        view = self._view
        if view.frozen is not None:
            self._save(view.frozen, view.rows)

    def close(self) -> None:
        """Stops a running build. A closed index still answers the searches that hold it."""
        self._closed = True
        with self._building:
            pass

    def _freezes(self, rows: VectorRows) -> bool:
        """Whether this configuration has a frozen part at all."""
        if self._idle or len(rows) < self._build_rows:
            return False
        shape = self._shape(rows)
        return shape.recipe is not None or shape.codes != "none"

    def _due(self, view: VectorView, dead: int) -> bool:
        if view.frozen is None:
            return True
        behind, size = len(view.rows) - view.tail_start, view.frozen.size
        if dead > _DEAD_SHARE * size:
            return True
        if view.frozen.graph is None:
            return behind >= max(self._build_rows, size // _SCANNED_GROWTH)
        return behind >= max(self._build_rows // _GRAPH_PART, size // _GRAPH_GROWTH)

    def _dead(self, view: VectorView, live: BitMap) -> int:
        """How many rows of the frozen part are dead."""
        if view.frozen is None:
            return 0
        kept = view.frozen.rows(np.arange(view.frozen.size))
        return int((~_flags(view.rows.doc_ids[kept], live)).sum())

    def _freeze(self, view: VectorView, live: BitMap, dead: int) -> Frozen | None:
        rows = view.rows
        alive = _flags(rows.doc_ids, live)
        kept = None if alive.all() else np.flatnonzero(alive)
        if kept is not None and not len(kept):
            return None
        if view.frozen is None or dead > _DEAD_SHARE * view.frozen.size:
            return freeze(self._shape(rows), rows.vectors, kept, self._stopped)
        return grow(view.frozen, rows.vectors, kept, self._stopped)

    def _publish(self, frozen: Frozen, generation: int) -> bool:
        with self._turn:
            view = self._view
            if self._closed or generation != view.rows.generation:
                return False
            if self._tail is not None:
                self._tail = self._tail.since(frozen.covered - view.tail_start)
            self._view = VectorView(view.rows, frozen, self._tail.codes if self._tail is not None else None)
        return True

    def _save(self, frozen: Frozen, rows: VectorRows) -> None:
        with self._saving:
            if frozen is not self._saved:
                snapshot.save(self._folder, frozen, rows)
                self._saved = frozen

    def _shape(self, rows: VectorRows) -> Shape:
        return shape_for(self._config, rows.vectors.shape[1])

    def _stopped(self) -> bool:
        return self._closed

    def _check_searchable(self) -> None:
        self._check.require_whole()
        if self._idle:
            raise Invalid(
                "this vector has no index (it is skipped or was dropped), so it cannot be searched; "
                "search another named vector, or create a collection that indexes it"
            )


def _flags(doc_ids: DocIds, live: BitMap) -> npt.NDArray[np.bool_]:
    """``(n,)``: whether each of the ascending ``doc_ids (n,)`` is live, or newer than ``live``."""
    if not len(doc_ids):
        return np.zeros(0, np.bool_)
    live = possibly_live(live, int(doc_ids[-1]) + 1)
    inside = np.zeros(int(doc_ids[-1]) + 1, np.bool_)
    alive = np.asarray(live.to_array(), np.uint32) if len(live) else np.zeros(0, np.uint32)
    inside[alive[: np.searchsorted(alive, len(inside))]] = True
    return inside[doc_ids]
