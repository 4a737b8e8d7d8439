"""MultiVectorIndex: late interaction over one file of token vectors.

The distance of an object is the negative MaxSim, −Σ over query tokens of the greatest dot product with a token of the
object, so smaller is nearer; with the cosine metric all tokens are scaled to length 1 first. Every other metric is
computed as ``dot``, as in Weaviate. Each distance that leaves here comes from the stored float32 tokens.

What is searched how
- Without a stage (a small collection), under a narrow filter, or for a large share of all objects: exactly.
- Otherwise a stage (``stage.py``) names rows, and these are rescored exactly.
- Rows that the stage does not know yet are searched exactly beside it, so every row is visible at once.

One thread extends; ``maintain`` may run on another; readers take ``_view`` once and no lock.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from pyroaring import BitMap

from weft.domain.errors import CorruptData, NotFound
from weft.domain.objects import Vector
from weft.domain.profile import note, took
from weft.domain.schema import Metric, VectorIndexConfig
from weft.engine.embedded.index.allow_list import AllowList
from weft.engine.embedded.index.liveness import perhaps_live
from weft.engine.embedded.index.multivector.codebook import Abandoned
from weft.engine.embedded.index.multivector.explain import token_matches
from weft.engine.embedded.index.multivector.files import Check, IndexFolder
from weft.engine.embedded.index.multivector.muvera import MuveraStage, draw
from weft.engine.embedded.index.multivector.neighbours import nearest
from weft.engine.embedded.index.multivector.query import check_tokens, unit
from weft.engine.embedded.index.multivector.rescore import best_rows
from weft.engine.embedded.index.multivector.residual import ResidualStage
from weft.engine.embedded.index.multivector.settings import (
    ENCODED_AT_ONCE,
    EXACT_ALLOWED_TOKENS,
    EXACT_TOKENS,
    SCANNED_ROWS,
    code_bits,
)
from weft.engine.embedded.index.multivector.source import DocIds, Rows, TokenRows, TokenSource, allowed_rows, find_rows
from weft.engine.embedded.index.multivector.stage import Allowed, Stage
from weft.engine.embedded.index.multivector.stats import MultiVectorStats
from weft.engine.embedded.index.multivector.writer import MuveraWriter, ResidualWriter, trained
from weft.engine.results import Neighbours, TokenMatches

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _View:
    rows: TokenRows
    stage: Stage | None

    @property
    def count(self) -> int:
        return len(self.rows.doc_ids)

    @property
    def staged(self) -> int:
        return 0 if self.stage is None else self.stage.end_row


class MultiVectorIndex:
    """``source`` is read; the snapshot lies in ``folder``."""

    def __init__(self, source: TokenSource, config: VectorIndexConfig, folder: Path) -> None:
        assert config.multivector is not None, "a multi-vector index needs its settings"
        self._source = source
        self._cosine = config.metric is Metric.COSINE
        self._muvera = config.multivector.muvera
        self._bits = code_bits(config.quantizer)
        self._rescore_limit = config.quantizer.rescore_limit
        self._lock = threading.RLock()
        self._closed = False
        self._folder = IndexFolder(folder)
        rows = source.rows
        self._writer: ResidualWriter | MuveraWriter | None
        self._checks: list[Check]
        self._writer, self._checks = self._folder.load(rows, self._settings, self._cosine)
        self._view = _View(rows, self._writer.stage if self._writer else None)
        self.extend()

    @property
    def covered(self) -> int:
        """Every doc_id below it that has such a vector is found by a search."""
        ids = self._view.rows.doc_ids
        return int(ids[-1]) + 1 if len(ids) else 0

    # -- writing

    def extend(self) -> None:
        """Takes in the rows that the source has beyond those known; the next search sees them."""
        with self._lock:
            rows, known = self._source.rows, self._view.rows
            if rows.generation != known.generation and self._writer is not None:
                old = known.doc_ids[: self._writer.stage.end_row]
                self._writer.keep(np.isin(old, rows.doc_ids, assume_unique=True))
            self._encode(rows, ENCODED_AT_ONCE)

    def _encode(self, rows: TokenRows, most: int) -> None:
        """Encodes up to ``most`` tokens of the rows that the stage lacks, and shows them all."""
        if self._writer is None and self._muvera is not None and len(rows.doc_ids):
            self._writer = MuveraWriter(MuveraStage.empty(draw(self._muvera, rows.tokens.shape[1])), self._cosine)
        if self._writer is not None:
            done = self._writer.stage.end_row
            end = int(np.searchsorted(rows.offsets, rows.offsets[done] + most, side="right")) - 1
            self._writer.add(rows, min(max(end, done), len(rows.doc_ids)))
        self._view = _View(rows, self._writer.stage if self._writer else None)

    def maintain(self, live: BitMap) -> bool:
        """Off the query path: checks what was loaded, encodes what waits, trains, joins; True if it did anything.

        New centroids are trained when the collection outgrows exact search, has grown several-fold, or its tokens have
        moved away from the centroids. Searches go on with the old ones meanwhile.
        """
        if self._closed:
            return False
        if self._checks:
            self._check()
            return True
        view = self._view
        if view.stage is not None and view.staged < view.count:
            with self._lock:
                self._encode(self._view.rows, ENCODED_AT_ONCE // 8)
            return True
        if self._muvera is not None:
            return False
        dead = _dead(view.rows, live)
        lengths = np.diff(view.rows.offsets)
        tokens = int(lengths[~dead].sum())
        writer = self._writer
        if tokens >= EXACT_TOKENS and (writer is None or (isinstance(writer, ResidualWriter) and writer.stale(tokens))):
            self._train(view.rows, dead)
            return True
        with self._lock:
            if not isinstance(writer, ResidualWriter) or len(writer.segments) < 4 or not writer.join():
                return False
            self._encode(self._view.rows, 0)
            return True

    def _train(self, rows: TokenRows, dead: npt.NDArray[np.bool_]) -> None:
        try:
            writer = trained(rows, dead, self._bits, self._cosine, self._check_open)
        except Abandoned:
            return
        with self._lock:
            if self._closed:
                return
            if self._view.rows.generation != rows.generation:
                _log.info("the rows were renumbered while centroids were trained; they are trained again")
                return
            self._writer = writer
            self._encode(self._view.rows, ENCODED_AT_ONCE)

    def _check_open(self) -> None:
        if self._closed:
            raise Abandoned

    def _check(self) -> None:
        """Reads the mapped codes once; damaged ones are made again."""
        try:
            for check in self._checks:
                check()
        except (CorruptData, OSError) as damage:
            _log.warning("codes of multi-vectors are made anew: %s", damage)
            with self._lock:
                assert isinstance(self._writer, ResidualWriter)
                self._writer = ResidualWriter(self._writer.book, self._cosine)
                self._encode(self._view.rows, ENCODED_AT_ONCE)
        self._checks = []

    def checkpoint(self) -> None:
        """Writes the snapshot and maps the codes from it."""
        with self._lock:
            if self._writer is None:
                return
            self._folder.save(self._writer, self._view.rows, self._settings)
            self._view = _View(self._view.rows, self._writer.stage)

    def close(self) -> None:
        """No more upkeep: what is being trained is thrown away. A closed index still answers those that hold it."""
        self._closed = True

    # -- reading

    def search(
        self, query: Vector, k: int, allow: AllowList | None, *, max_distance: float | None = None
    ) -> Neighbours:
        """The ``k`` nearest allowed objects to ``query (Tq, d)``, none farther than ``max_distance``.

        Raises Invalid when the query is not a list of token vectors of the stored length.
        """
        view = self._view
        tokens = self._prepare(query)
        if k <= 0 or not view.count or (allow is not None and not len(allow)):
            return Neighbours(np.zeros(0, np.uint32), np.zeros(0, np.float32))
        rows, scores = self._best(view, tokens, k, allow)
        return nearest(view.rows.doc_ids[rows], -scores, k, max_distance)

    def distances(self, query: Vector, doc_ids: Sequence[int] | DocIds) -> npt.NDArray[np.float32]:
        """``(n,) f32``, exact; NaN where the object has no such vector."""
        view = self._view
        tokens = self._prepare(query)
        rows = find_rows(view.rows.doc_ids, np.asarray(doc_ids, np.uint32))
        result = np.full(len(rows), np.nan, np.float32)
        found = rows >= 0
        result[found] = -self._exact(view, tokens, rows[found])
        return result

    def explain(self, query: Vector, doc_id: int, *, matrix: bool = False) -> TokenMatches:
        """Which token of the object answers each query token; ``matrix`` adds all similarities.

        Raises NotFound, and CorruptData when the object's tokens are not what was written.
        """
        tokens = check_tokens(query, self._dims(self._view))
        document = self._source.get([doc_id])[0]
        if document is None:
            raise NotFound(f"object {doc_id} has no such multi-vector", doc_id=doc_id)
        return token_matches(doc_id, tokens, document, cosine=self._cosine, matrix=matrix)

    def stats(self) -> MultiVectorStats:
        view = self._view
        stage = view.stage
        residual = stage if isinstance(stage, ResidualStage) else None
        return MultiVectorStats(
            rows=view.count,
            tokens=int(view.rows.offsets[-1]) if view.count else 0,
            dims=self._dims(view),
            encoded_rows=view.staged,
            centroids=len(residual.book.centroids) if residual else 0,
            centroid_bytes=residual.book.size_bytes if residual else 0,
            code_bytes=sum(s.code_bytes for s in residual.segments) if residual else 0,
            list_bytes=sum(s.list_bytes for s in residual.segments) if residual else 0,
            muvera_bytes=stage.size_bytes if isinstance(stage, MuveraStage) else 0,
            original_bytes=view.rows.tokens.nbytes,
        )

    # -- inside

    @property
    def _settings(self) -> dict[str, Any]:
        """What a snapshot must have been made with."""
        muvera = None if self._muvera is None else asdict(self._muvera)
        return {"bits": self._bits, "cosine": self._cosine, "muvera": muvera}

    @staticmethod
    def _dims(view: _View) -> int | None:
        return int(view.rows.tokens.shape[1]) if view.count else None

    def _prepare(self, query: Vector) -> Vector:
        tokens = check_tokens(query, self._dims(self._view))
        return unit(tokens) if self._cosine else tokens

    def _best(self, view: _View, tokens: Vector, k: int, allow: AllowList | None) -> tuple[Rows, Vector]:
        """Rows and their exact MaxSim: the k best and some more."""
        count, doc_ids = view.count, view.rows.doc_ids
        mean_tokens = len(view.rows.tokens) / count
        possible = count if allow is None else min(len(allow), count)
        narrow = allow is not None and possible * mean_tokens <= EXACT_ALLOWED_TOKENS
        if view.stage is None or narrow or k * 4 >= min(view.staged, possible):
            note("hnsw_flat_search", True)
            with took("knn_search_layer_0_took"):
                rows = np.arange(count) if allow is None else allowed_rows(doc_ids, allow)
                return rows, self._exact(view, tokens, rows)
        note("hnsw_flat_search", False)
        if allow is None:
            allowed, behind = Allowed(), np.arange(view.staged, count)
        else:
            scanned = possible <= SCANNED_ROWS and possible * 3 <= count
            known = allowed_rows(doc_ids, allow) if scanned or view.staged < count else None
            allowed = Allowed(known) if scanned else Allowed(bits=allow.bits)
            behind = np.zeros(0, np.int64) if known is None else known[known >= view.staged]
        with took("knn_search_layer_0_took"):
            short = view.stage.shortlist(tokens, k, allowed, doc_ids)
        comparable = isinstance(view.stage, ResidualStage)
        with took("knn_search_rescore_took"):
            rows, scores = best_rows(
                short, k, lambda r: self._exact(view, tokens, r), comparable=comparable, limit=self._rescore_limit
            )
            if len(behind):
                more = self._exact(view, tokens, behind)
                rows, scores = np.concatenate([rows, behind]), np.concatenate([scores, more])
        return rows, scores

    def _exact(self, view: _View, query: Vector, rows: Rows) -> Vector:
        from weft.engine.embedded.index.multivector.kernels.exact import exact_scores

        scores: Vector = exact_scores(query, view.rows.tokens, view.rows.offsets, rows, self._cosine)
        return scores


def _dead(rows: TokenRows, live: BitMap) -> npt.NDArray[np.bool_]:
    dead = np.ones(len(rows.doc_ids), np.bool_)
    end = int(rows.doc_ids[-1]) + 1 if len(rows.doc_ids) else 0
    dead[allowed_rows(rows.doc_ids, AllowList(perhaps_live(live, end)))] = False
    return dead
