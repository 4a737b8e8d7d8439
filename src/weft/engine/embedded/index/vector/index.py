"""SingleVectorIndex: nearest neighbours over one file of single vectors.

Invariants
- A search takes ``_view`` once; a view is replaced by one assignment and never changed.
- Every row of the source up to ``covered`` is in the frozen part or in the tail, so it is found immediately.
- Returned distances are computed from the stored float32, never from codes.
- ``_turn`` is held only to replace the view, never while something is built or read.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from pyroaring import BitMap

from weft.domain.errors import Invalid
from weft.domain.objects import Vector
from weft.domain.schema import VectorIndexConfig
from weft.engine.embedded.index.allow_list import AllowList
from weft.engine.embedded.index.ties import BY_DOC_ID, Ties
from weft.engine.embedded.index.vector import snapshot
from weft.engine.embedded.index.vector.building import IndexBuilder
from weft.engine.embedded.index.vector.codes import GrowingCodes
from weft.engine.embedded.index.vector.frozen import Built, Frozen, Shape
from weft.engine.embedded.index.vector.kinds import BUILD_ROWS, KINDS, shape_for
from weft.engine.embedded.index.vector.query import LINEAR, METRIC_CODES, VectorQuery
from weft.engine.embedded.index.vector.search import VectorSearcher, VectorView
from weft.engine.embedded.index.vector.snapshot import SnapshotFolder
from weft.engine.embedded.index.vector_index import SourceCheck, VectorIndex, VectorIndexStats, VectorSource
from weft.engine.embedded.storage.rows import VectorRows
from weft.engine.results import NO_NEIGHBOURS, DocIds, Neighbours


class Stopped(Exception):
    """The index is being closed, and what it was building is no longer wanted."""


class SingleVectorIndex:
    """A ``VectorIndex`` of every kind but multi-vectors. ``build_rows`` is for tests; servers keep the kind's own."""

    def __init__(
        self,
        source: VectorSource[VectorRows],
        config: VectorIndexConfig,
        folder: Path,
        *,
        build_rows: int | None = None,
        after: VectorIndex | None = None,
    ) -> None:
        """``after``: the one that this replaces; nothing is built before its build has ended."""
        kind = KINDS[config.kind]
        self._source = source
        self._config = config
        self._folder = SnapshotFolder(folder, source.origin)
        self._build_rows = kind.build_rows(config) or build_rows or BUILD_ROWS
        self._idle = config.skip or not kind.searched
        self._searcher = VectorSearcher(config)
        self._check = SourceCheck(source)
        self._turn = threading.Lock()
        self._building: threading.Lock = after._building if isinstance(after, SingleVectorIndex) else threading.Lock()
        """Held while something is built in the folder."""
        self._builder = IndexBuilder(self._folder, self._build_rows)
        self._closed = False
        self._tail: GrowingCodes | None = None
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
            frozen, done = view.frozen, len(view.rows)
            if rows.generation != view.rows.generation or done > len(rows):
                self._tail = None
                # What is left may be too little for a frozen part, of which most would be dead.
                frozen = _over(frozen.built, rows) if frozen is not None and self._freezes(rows) else None
                done = frozen.covered if frozen is not None else 0
            if self._idle or not len(rows):
                self._view = VectorView(rows, None, None)
                return
            if self._config.metric in LINEAR:
                if self._tail is None:
                    self._tail = GrowingCodes(rows.vectors.shape[1], self._config.metric)
                if done < len(rows):
                    self._check.look(done)
                    self._tail.append(rows.vectors[done:])
            self._view = VectorView(rows, frozen, self._tail.codes if self._tail is not None else None)

    def configure(self, config: VectorIndexConfig) -> bool:
        """Applies ``config`` to later searches if it ``is_built_as`` the present one; a build continues."""
        if not config.is_built_as(self._config):
            return False
        self._config, self._searcher = config, VectorSearcher(config)
        return True

    def _open(self) -> VectorView:
        """Loads the snapshot; the first ``extend`` takes in the later rows."""
        rows = self._source.rows
        if self._freezes(rows):
            loaded = snapshot.load(self._folder, self._shape(rows), rows)
            if loaded is not None:
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
        depth: int | None = None,
        head: int | None = None,
    ) -> Neighbours:
        """The ``k`` nearest of the allowed objects, ascending by distance, equal ones by ``ties``.

        ``query (d,) f32``; ``depth``, if given, is how many a walk is for, and ``head`` how many of the first it must
        not miss. With ``max_distance`` only those within it
        (tolerance 1e-6). Raises Invalid when the query does not fit the stored vectors or the index was dropped,
        CorruptData when the vectors are damaged.
        """
        view = self._view
        self._check_searchable()
        if not len(view.rows):
            return NO_NEIGHBOURS
        prepared = VectorQuery.prepare(query, view.rows.vectors.shape[1], self._config.metric)
        if k <= 0 or (allow is not None and not len(allow)):
            return NO_NEIGHBOURS
        rows = len(view.rows)
        most = min(k, rows)
        depth = most if depth is None else min(depth, rows)
        head = depth if head is None else min(head, depth)
        return self._searcher.search(view, prepared, most, depth, head, allow, max_distance, ties)

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
        places = rows.find(ids)
        rows.require(places[places >= 0])
        kernels.measure(rows.vectors, places, prepared.vector, metric, prepared.square, out)
        return out

    def stats(self) -> VectorIndexStats:
        view = self._view
        waiting = len(view.rows) - view.tail_start if self._freezes(view.rows) else 0
        parts = {"codes": view.tail.size_bytes if view.tail else 0}
        if view.frozen is not None:
            parts["codes"] += view.frozen.built.size_bytes
            parts["labels"] = view.frozen.labels_bytes
        if self._builder.size_bytes:
            parts["building"] = self._builder.size_bytes
        return VectorIndexStats(len(view.rows), waiting, parts, self._builder.added)

    # -- upkeep

    def maintain(self, live: BitMap) -> bool:
        """One step off the query path: checks some of the source, or builds and publishes; True if it did so.

        A step takes about a second, and the time to write what was built to disk when it publishes that; it blocks
        neither readers nor the writer. Raises CorruptData when the source's bytes are not what was written,
        StorageFull.
        """
        if not self._building.acquire(blocking=False):
            return False
        try:
            if self._closed:
                return False
            if not self._idle and self._check.step():
                return True
            if self._idle:
                return False
            view = self._view
            if not self._freezes(view.rows):
                self._builder.forget()
                return view.frozen is None and snapshot.clear(self._folder.path)
            built = self._builder.step(view, self._shape(view.rows), live, self._go_on)
            return self._builder.is_waiting if built is None else self._serve(built)
        except Stopped:
            return False
        finally:
            self._building.release()

    def checkpoint(self) -> None:
        """Nothing: what is served was read from disk, and the rows of the tail are read again from the source."""

    def abandon(self) -> None:
        """A running build ends after its present step. The index still answers."""
        self._closed = True

    def close(self) -> None:
        """As ``abandon``, and waits for that."""
        self.abandon()
        with self._building:
            pass

    def _freezes(self, rows: VectorRows) -> bool:
        """Whether this configuration has a frozen part at all."""
        if self._idle or len(rows) < self._build_rows:
            return False
        shape = self._shape(rows)
        return shape.recipe is not None or shape.codes != "none"

    def _serve(self, built: Built) -> bool:
        """Swaps it in; False if it is of other vectors than there are by now."""
        while True:
            rows = self._view.rows
            frozen = _over(built, rows)
            with self._turn:
                view = self._view
                if view.rows.generation != rows.generation:
                    continue  # compacted meanwhile
                if self._closed or frozen is None:
                    return False
                if self._tail is not None:
                    self._tail = self._tail.since(frozen.covered - view.tail_start)
                self._view = VectorView(view.rows, frozen, self._tail.codes if self._tail is not None else None)
            return True

    def _shape(self, rows: VectorRows) -> Shape:
        return shape_for(self._config, rows.vectors.shape[1])

    def _go_on(self) -> None:
        if self._closed:
            raise Stopped

    def _check_searchable(self) -> None:
        self._check.require_whole()
        if self._idle:
            raise Invalid(
                "this vector has no index (it is skipped or was dropped), so it cannot be searched; "
                "search another named vector, or create a collection that indexes it"
            )


def _over(built: Built, rows: VectorRows) -> Frozen | None:
    """None if it is of other vectors."""
    return Frozen.over(built, rows) if len(rows) and rows.vectors.shape[1] == built.dims else None
