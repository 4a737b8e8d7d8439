"""IndexBuilder: what of an index is built when, one step at a time, on the upkeep thread.

Each vector is put into a graph once. What was put in is published, that is written and mapped, when as much has been
put in as a copy is worth, or when nothing is left; what is not published yet is scanned. A step ends after about a
second, also between two publications, so that other upkeep is never kept waiting for long.
"""

from __future__ import annotations

from time import monotonic

import numpy as np
from pyroaring import BitMap

from weft.engine.embedded.index.vector.frozen import Built, Shape
from weft.engine.embedded.index.vector.growing import Growing
from weft.engine.embedded.index.vector.labels import flags
from weft.engine.embedded.index.vector.search import VectorView
from weft.engine.embedded.index.vector.snapshot import SnapshotFolder
from weft.engine.embedded.index.vector.training import Check

_DEAD_SHARE = 0.3
"""A part with more dead labels than this is built again without them."""

_SCANNED_GROWTH = 4
"""Scanned codes are published again when the tail holds one row for this many frozen ones,"""
_GRAPH_GROWTH = 50
"""a graph is extended when it holds one for this many, because its tail costs more to search,"""
_GRAPH_PART = 4
"""and in both cases at least the fewest rows that are built, or for a graph these divided by this."""

_PUBLISHED_GROWTH = 4
"""While many rows wait, a graph is published when it has grown by one row for this many."""

_RESTS = 20
"""What is growing is let go after so many steps without work, ten seconds; it is read again when it has to grow."""

_SLICE_S = 1.0
"""Vectors are put in for so long in a step; what is chosen is continued by the next one."""


class IndexBuilder:
    """One thread at a time."""

    def __init__(self, folder: SnapshotFolder, build_rows: int) -> None:
        self._folder = folder
        self._build_rows = build_rows
        self._growing: Growing | None = None
        self._decided = 0
        """Of objects below this doc_id it is known whether they live; later ones were added since."""
        self._rests = 0
        self.added = 0
        """How many vectors have been put in, all builds together."""
        self.size_bytes = 0
        """What is growing, on the heap, as the last step left it."""

    @property
    def is_waiting(self) -> bool:
        """Whether the last step has left something to the next one."""
        return self._growing is not None and self._growing.is_waiting

    def forget(self) -> None:
        """Nothing of what is growing is wanted."""
        self._growing, self.size_bytes = None, 0

    def step(self, view: VectorView, shape: Shape, live: BitMap, check: Check) -> Built | None:
        """Builds for a while, and publishes in the folder when as much as is published at once has been put in; None if
        nothing is due or nothing was published.

        Raises StorageFull, and what ``check`` raises.
        """
        rows = view.rows
        known = view.frozen.built.until if view.frozen is not None else 0
        self._decided = max(self._decided, known, int(live.max()) + 1 if live else 0)
        end = int(np.searchsorted(rows.doc_ids, self._decided))
        if self._growing is not None and self._growing.dims != rows.vectors.shape[1]:
            self._growing = None
        if not self._due(view, live, end):
            self._rests += 1
            if self._rests > _RESTS:
                self.forget()
            return None
        self._rests = 0
        return self._build(view, shape, live, end, check)

    def _due(self, view: VectorView, live: BitMap, end: int) -> bool:
        """``end``: of the rows of which it is known whether they live."""
        frozen, growing = view.frozen, self._growing
        if growing is not None:
            if growing.is_waiting or growing.unpublished:
                return True
            until, objects = growing.until, growing.objects
        elif frozen is not None:
            until, objects = frozen.built.until, frozen.objects
        else:
            return end >= self._build_rows
        start, size = int(np.searchsorted(view.rows.doc_ids, until)), len(objects)
        if size - objects.intersection_cardinality(live) > _DEAD_SHARE * size:
            return True
        if until > int(view.rows.doc_ids[-1]) + 1:
            return True  # a snapshot that knows later objects than the store would not be opened again
        if frozen is not None and frozen.graph is None:
            return end - start >= max(self._build_rows, size // _SCANNED_GROWTH)
        return end - start >= max(self._build_rows // _GRAPH_PART, size // _GRAPH_GROWTH)

    def _build(self, view: VectorView, shape: Shape, live: BitMap, end: int, check: Check) -> Built | None:
        growing, until_s = self._growing, monotonic() + _SLICE_S
        if growing is None or not growing.is_waiting:
            growing = self._chosen(view, shape, live, end, check)
            if growing is None:
                return None
        self._growing = None  # it is unusable if anything fails
        before = growing.added
        growing.take(view.rows, live, until_s, check)
        self.added += growing.added - before
        self._growing, self.size_bytes = growing, growing.size_bytes
        return None if growing.is_waiting else growing.publish(self._folder, check)

    def _chosen(self, view: VectorView, shape: Shape, live: BitMap, end: int, check: Check) -> Growing | None:
        """What is growing, with a choice of what is put in next; None if nothing lives."""
        rows, frozen = view.rows, view.frozen
        alive = np.flatnonzero(flags(rows.doc_ids[:end], live)).astype(np.int64, copy=False)
        if not len(alive):
            return None
        dims = rows.vectors.shape[1]
        growing = self._growing or Growing(shape, dims, frozen.built if frozen is not None else None)
        self._growing = None
        chosen = alive[np.searchsorted(alive, np.searchsorted(rows.doc_ids, growing.until)) :]
        reused = growing.reused(live, rows, chosen, check)
        dead = len(growing) - growing.objects.intersection_cardinality(live)
        if dead - np.count_nonzero(reused >= 0) > _DEAD_SHARE * len(growing):
            growing = Growing(shape, dims)
            chosen, reused = alive, np.full(len(alive), -1, np.int64)
        most = max(self._build_rows, len(growing) // _PUBLISHED_GROWTH)
        replaces = growing.published is None and frozen is not None
        if shape.recipe is None or replaces or len(chosen) < 2 * most:
            most = len(alive)  # codes are made fast; what is replaced has all of them; few are left
        growing.choose(rows, end, chosen, reused, most, check)
        return growing
