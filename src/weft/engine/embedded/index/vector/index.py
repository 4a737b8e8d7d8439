"""VectorIndex: nearest neighbours over one vector file.

Invariants
- A search takes ``_look`` once; a look is replaced by one assignment and never changed.
- Every row of the source up to ``covered`` is in the frozen part or in the tail, so it is found at once.
- The distances of an answer are computed from the stored float32, never from codes.
- ``_turn`` is held only to replace the look, never while something is built or read.
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
from weft.engine.embedded.index.liveness import perhaps_live
from weft.engine.embedded.index.vector import snapshot
from weft.engine.embedded.index.vector.codes import Tail
from weft.engine.embedded.index.vector.frozen import Frozen, Shape, freeze, grow, shape_for
from weft.engine.embedded.index.vector.graph import in_background
from weft.engine.embedded.index.vector.neighbours import IndexStats
from weft.engine.embedded.index.vector.question import LINEAR, METRIC_CODES, Question
from weft.engine.embedded.index.vector.search import Look, Searcher
from weft.engine.embedded.index.vector.source import Rows, VectorSource
from weft.engine.results import NO_NEIGHBOURS, Neighbours

_log = logging.getLogger(__name__)
BUILD_ROWS = 10_000
"""Rows from which on something is frozen; below, exact scans of the tail answer."""
_DEAD_SHARE = 0.3
"""A frozen part with more dead rows than this is built anew without them."""


class VectorIndex:
    """Fills the seam of ARCHITECTURE.md. ``build_rows`` is for tests; servers keep the default."""

    def __init__(
        self, source: VectorSource, config: VectorIndexConfig, folder: Path, *, build_rows: int = BUILD_ROWS
    ) -> None:
        self._source = source
        self._config = config
        self._folder = folder
        self._build_rows = config.threshold if config.kind == "dynamic" else build_rows
        self._searcher = Searcher(config)
        self._turn = threading.Lock()
        self._building = threading.Lock()
        self._saving = threading.Lock()
        self._closed = False
        self._tail: Tail | None = None
        self._saved: Frozen | None = None
        self._disk_bytes = 0
        self._look = self._open()

    @property
    def covered(self) -> int:
        """Rows of the source that are searchable."""
        return len(self._look.rows)

    # -- writing

    def extend(self) -> None:
        """Takes in the rows that the source has beyond ``covered``; they are found when this returns."""
        with self._turn:
            rows = Rows.look(self._source)
            look = self._look
            if rows.generation != look.rows.generation or len(rows) < len(look.rows):
                self._tail = None
                look = Look(rows, None, None)
                done = 0
            else:
                done = len(look.rows)
            if self._idle or not len(rows):
                self._look = Look(rows, None, None)
                return
            if self._config.metric in LINEAR:
                if self._tail is None:
                    self._tail = Tail(rows.vectors.shape[1], self._config.metric)
                if done < len(rows):
                    self._tail.append(rows.vectors[done:])
            self._look = Look(rows, look.frozen, self._tail.codes if self._tail is not None else None)

    def _open(self) -> Look:
        """Loads the snapshot; the rows behind it come in with the first ``extend``."""
        rows = Rows.look(self._source)
        if not self._idle and len(rows):
            loaded = snapshot.load(self._folder, self._shape(rows), rows)
            if loaded is not None:
                frozen, self._disk_bytes = loaded
                self._saved = frozen
                return Look(rows.first(frozen.covered), frozen, None)
        return Look(rows.first(0), None, None)

    # -- reading

    def search(
        self, query: Vector, k: int, allow: AllowList | None = None, *, max_distance: float | None = None
    ) -> Neighbours:
        """The ``k`` nearest of the allowed objects, ascending by (distance, doc_id).

        ``query (d,) f32``. With ``max_distance`` only those at most so far (tolerance 1e-6). Raises Invalid when the
        query does not fit the stored vectors or the index was dropped.
        """
        look = self._look
        self._check_searchable()
        if not len(look.rows):
            return NO_NEIGHBOURS
        question = Question.ask(query, look.rows.vectors.shape[1], self._config.metric)
        if k <= 0 or (allow is not None and not len(allow)):
            return NO_NEIGHBOURS
        return self._searcher.search(look, question, min(k, len(look.rows)), allow, max_distance)

    def search_batch(
        self, queries: npt.NDArray[np.float32], k: int, allow: AllowList | None = None
    ) -> list[Neighbours]:
        """``search`` for each of ``queries (Q, d)``; without a filter the walks are one native call."""
        look = self._look
        self._check_searchable()
        if not len(look.rows):
            return [NO_NEIGHBOURS] * len(queries)
        questions = [Question.ask(query, look.rows.vectors.shape[1], self._config.metric) for query in queries]
        if not questions or k <= 0 or (allow is not None and not len(allow)):
            return [NO_NEIGHBOURS] * len(questions)
        k = min(k, len(look.rows))
        if allow is None:
            return self._searcher.search_batch(look, questions, k)
        return [self._searcher.search(look, question, k, allow, None) for question in questions]

    def distances(self, query: Vector, doc_ids: Sequence[int] | npt.NDArray[np.uint32]) -> npt.NDArray[np.float32]:
        """``(n,)`` exact distances; NaN where the object has no such vector. Raises Invalid as ``search`` does."""
        from weft.engine.embedded.index.vector import kernels

        rows = self._look.rows
        ids = np.asarray(doc_ids, np.uint32)
        if not len(rows):
            return np.full(len(ids), np.nan, np.float32)
        question = Question.ask(query, rows.vectors.shape[1], self._config.metric)
        out = np.empty(len(ids), np.float32)
        metric = METRIC_CODES[self._config.metric]
        kernels.measure(rows.vectors, rows.find(ids), question.vector, metric, question.square, out)
        return out

    def stats(self) -> IndexStats:
        look = self._look
        frozen = look.frozen
        resident = (frozen.size_bytes if frozen is not None else 0) + (look.tail.size_bytes if look.tail else 0)
        queue = len(look.rows) - look.tail_start if self._freezes(look.rows) else 0
        return IndexStats(
            kind=self._config.kind,
            rows=len(look.rows),
            indexed_rows=len(look.rows) - queue,
            resident_bytes=resident,
            disk_bytes=self._disk_bytes,
            queue=queue,
        )

    # -- upkeep

    def maintain(self, live: BitMap) -> bool:
        """Off the query path: freezes what has gathered in the tail, or builds anew; True if it did.

        Takes seconds to minutes and keeps neither readers nor the writer waiting. Writes the snapshot.
        """
        if not self._building.acquire(blocking=False):
            return False
        try:
            look = self._look
            if self._closed or not self._freezes(look.rows):
                return False
            dead = self._dead(look, live)
            if not self._due(look, dead):
                return False
            frozen: list[Frozen | None] = []
            in_background(lambda: frozen.append(self._freeze(look, live, dead)), len(look.rows))
            if frozen[0] is None or not self._publish(frozen[0], look.rows.generation):
                return False
            self._save(frozen[0], look.rows)
            return True
        finally:
            self._building.release()

    def checkpoint(self) -> None:
        """Writes the frozen part if that has not been done; the rows of the tail are read again from the source."""
        look = self._look
        if look.frozen is not None:
            self._save(look.frozen, look.rows)

    def close(self) -> None:
        """Stops a build that is going on. A closed index still answers the searches that hold it."""
        self._closed = True
        with self._building:
            pass

    def _freezes(self, rows: Rows) -> bool:
        """Whether this configuration has a frozen part at all."""
        if self._idle or len(rows) < self._build_rows:
            return False
        shape = self._shape(rows)
        return shape.recipe is not None or shape.codes != "none"

    def _due(self, look: Look, dead: int) -> bool:
        if look.frozen is None:
            return True
        behind, size = len(look.rows) - look.tail_start, look.frozen.size
        if dead > _DEAD_SHARE * size:
            return True
        if look.frozen.graph is None:
            return behind >= max(self._build_rows, size // 4)
        return behind >= max(self._build_rows // 4, size // 100)

    def _dead(self, look: Look, live: BitMap) -> int:
        """How many rows of the frozen part are dead."""
        if look.frozen is None:
            return 0
        kept = look.frozen.rows(np.arange(look.frozen.size))
        return int((~_flags(look.rows.doc_ids[kept], live)).sum())

    def _freeze(self, look: Look, live: BitMap, dead: int) -> Frozen | None:
        rows = look.rows
        alive = _flags(rows.doc_ids, live)
        kept = None if alive.all() else np.flatnonzero(alive)
        if kept is not None and not len(kept):
            return None
        if look.frozen is None or dead > _DEAD_SHARE * look.frozen.size:
            return freeze(self._shape(rows), rows.vectors, kept, self._stopped)
        return grow(look.frozen, rows.vectors, kept, self._stopped)

    def _publish(self, frozen: Frozen, generation: int) -> bool:
        with self._turn:
            look = self._look
            if self._closed or generation != look.rows.generation:
                return False
            if self._tail is not None:
                self._tail = self._tail.since(frozen.covered - look.tail_start)
            self._look = Look(look.rows, frozen, self._tail.codes if self._tail is not None else None)
        return True

    def _save(self, frozen: Frozen, rows: Rows) -> None:
        with self._saving:
            if frozen is not self._saved:
                self._disk_bytes = snapshot.save(self._folder, frozen, rows)
                self._saved = frozen

    def _shape(self, rows: Rows) -> Shape:
        return shape_for(self._config, rows.vectors.shape[1])

    def _stopped(self) -> bool:
        return self._closed

    @property
    def _idle(self) -> bool:
        return self._config.skip or self._config.kind == "none"

    def _check_searchable(self) -> None:
        if self._idle:
            raise Invalid(
                "this vector has no index (it is skipped or was dropped), so it cannot be searched; "
                "search another named vector, or create a collection that indexes it"
            )


def _flags(doc_ids: npt.NDArray[np.uint32], live: BitMap) -> npt.NDArray[np.bool_]:
    """Whether each of the ascending ``doc_ids`` is live, or newer than ``live``."""
    if not len(doc_ids):
        return np.zeros(0, np.bool_)
    live = perhaps_live(live, int(doc_ids[-1]) + 1)
    inside = np.zeros(int(doc_ids[-1]) + 1, np.bool_)
    alive = np.asarray(live.to_array(), np.uint32) if len(live) else np.zeros(0, np.uint32)
    inside[alive[: np.searchsorted(alive, len(inside))]] = True
    return inside[doc_ids]
