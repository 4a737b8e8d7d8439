"""MultiVectorIndex: late interaction over one file of token vectors.

The distance of an object is the negative MaxSim, −Σ over query tokens of the greatest dot product with a token of the
object, so smaller is nearer; with the cosine metric all tokens are scaled to length 1 first. Every other metric is
computed as ``dot``, as in Weaviate. ``search.py`` decides how a query is answered. Every row is found immediately; the
stage takes in many new ones later.

One thread extends; ``maintain`` may run on another; readers take ``_view`` once and no lock.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from pyroaring import BitMap

from weft.domain.errors import NotFound
from weft.domain.objects import Vector
from weft.domain.schema import Metric, VectorIndexConfig
from weft.engine.embedded.index.allow_list import AllowList
from weft.engine.embedded.index.liveness import possibly_live
from weft.engine.embedded.index.multivector.codebook import Abandoned
from weft.engine.embedded.index.multivector.files import IndexFolder
from weft.engine.embedded.index.multivector.muvera import MuveraStage, draw
from weft.engine.embedded.index.multivector.residual import ResidualStage
from weft.engine.embedded.index.multivector.search import TokenSearcher, TokenView
from weft.engine.embedded.index.multivector.settings import ENCODED_AT_ONCE, EXACT_TOKENS, code_bits
from weft.engine.embedded.index.multivector.tokens import check_tokens, token_matches, unit
from weft.engine.embedded.index.multivector.writer import MuveraWriter, ResidualWriter, trained
from weft.engine.embedded.index.ties import BY_DOC_ID, Ties
from weft.engine.embedded.index.vector_index import SourceCheck, VectorIndexStats, VectorSource
from weft.engine.embedded.storage.rows import TokenRows
from weft.engine.results import DocIds, Neighbours, TokenMatches

_log = logging.getLogger(__name__)


_JOINED_FROM = 4
"""From this many segments on, upkeep merges them into one."""


class MultiVectorIndex:
    """A ``VectorIndex`` of multi-vectors: ``source`` is read; the snapshot lies in ``folder``."""

    def __init__(self, source: VectorSource[TokenRows], config: VectorIndexConfig, folder: Path) -> None:
        assert config.multivector is not None, "a multi-vector index needs its settings"
        self._source = source
        self._config = config
        self._cosine = config.metric is Metric.COSINE
        self._muvera = config.multivector.muvera
        self._bits = code_bits(config.quantizer)
        self._searcher = TokenSearcher(self._cosine, config.quantizer.rescore_limit)
        self._source_check = SourceCheck(source)
        self._lock = threading.RLock()
        self._renumbered = False
        """Whether the source dropped rows that the snapshot on disk still has."""
        self._closed = False
        self._folder = IndexFolder(folder, source.origin)
        rows = source.rows
        self._writer: ResidualWriter | MuveraWriter | None
        self._writer = self._folder.load(rows, self._settings, self._cosine)
        self._view = TokenView(rows, self._writer.stage if self._writer else None)
        self.extend()

    @property
    def covered(self) -> int:
        """Rows of the source that are searchable."""
        return self._view.count

    # -- writing

    def extend(self) -> None:
        """Takes in the rows that the source has beyond those known; the next search sees them."""
        with self._lock:
            rows, known = self._source.rows, self._view.rows
            if rows.generation != known.generation and self._writer is not None:
                old = known.doc_ids[: self._writer.stage.end_row]
                self._writer.keep(np.isin(old, rows.doc_ids, assume_unique=True))
                self._renumbered = True
                if not len(rows.doc_ids):
                    self._writer = None  # the next rows may have other dimensions
            self._encode(rows, ENCODED_AT_ONCE)

    def configure(self, config: VectorIndexConfig) -> bool:
        """Applies ``config`` to later searches if it ``is_built_as`` the present one."""
        if not config.is_built_as(self._config):
            return False
        self._config, self._searcher = config, TokenSearcher(self._cosine, config.quantizer.rescore_limit)
        return True

    def _encode(self, rows: TokenRows, most: int) -> None:
        """Encodes up to ``most`` tokens of the rows that the stage lacks, and publishes them all."""
        if self._writer is None and self._muvera is not None and len(rows.doc_ids):
            self._writer = MuveraWriter(MuveraStage.empty(draw(self._muvera, rows.tokens.shape[1])), self._cosine)
        if self._writer is not None:
            done = self._writer.stage.end_row
            end = int(np.searchsorted(rows.offsets, rows.offsets[done] + most, side="right")) - 1
            self._source_check.look(done)
            self._writer.add(rows, min(max(end, done), len(rows.doc_ids)))
        self._view = TokenView(rows, self._writer.stage if self._writer else None)

    def maintain(self, live: BitMap) -> bool:
        """One step off the query path: checks the source, encodes waiting rows, trains, joins; True if it did
        anything.

        New centroids are trained when the collection outgrows exact search, has grown several-fold, or its tokens have
        moved away from the centroids. Searches use the old ones meanwhile. Raises CorruptData when the source's bytes
        are not what was written.
        """
        if self._closed:
            return False
        if self._source_check.step():
            return True
        if self._renumbered:
            with self._lock:
                if not self._closed:  # else another index may have the folder by now
                    self.checkpoint()
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
            if not isinstance(writer, ResidualWriter) or len(writer.segments) < _JOINED_FROM or not writer.join():
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

    def checkpoint(self) -> None:
        """Writes the snapshot and maps the codes from it."""
        with self._lock:
            self._renumbered = False
            if self._writer is None:
                self._folder.clear()
                return
            self._folder.save(self._writer, self._view.rows, self._settings)
            self._view = TokenView(self._view.rows, self._writer.stage)

    def abandon(self) -> None:
        """Ends upkeep: a running training is discarded. The index still answers readers that hold it."""
        self._closed = True

    def close(self) -> None:
        """As ``abandon``, and waits for a snapshot that is being written."""
        self.abandon()
        with self._lock:
            pass

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
        """The ``k`` nearest allowed objects to ``query (Tq, d)``, none farther than ``max_distance``; equal ones by
        ``ties``. ``depth``, if given, is how many a shortlist is for; ``head`` makes none shorter.

        Raises Invalid when the query is not a list of token vectors of the stored length, CorruptData when the stored
        ones are known to be damaged.
        """
        view = self._view
        tokens = self._prepare(query, view)
        return self._searcher.search(view, tokens, k, k if depth is None else depth, allow, max_distance, ties)

    def distances(self, query: Vector, doc_ids: Sequence[int] | DocIds) -> Vector:
        """``(n,) f32``, exact; NaN where the object has no such vector. Raises as ``search`` does."""
        view = self._view
        return self._searcher.distances(view, self._prepare(query, view), np.asarray(doc_ids, np.uint32))

    def explain(self, query: Vector, doc_id: int, *, matrix: bool = False) -> TokenMatches:
        """Which token of the object matches each token of ``query (Tq, d)`` best; ``matrix`` adds all similarities.

        Raises NotFound, and CorruptData when the object's tokens are not what was written.
        """
        tokens = check_tokens(query, self._view.dims)
        document = self._source.get([doc_id])[0]
        if document is None:
            raise NotFound(f"object {doc_id} has no such multi-vector", doc_id=doc_id)
        return token_matches(doc_id, tokens, document, cosine=self._cosine, matrix=matrix)

    def stats(self) -> VectorIndexStats:
        view = self._view
        components: dict[str, int] = {}
        if isinstance(view.stage, ResidualStage):
            components["centroids"] = view.stage.book.size_bytes
            components["codes"] = sum(s.code_bytes for s in view.stage.segments)
            components["lists"] = sum(s.list_bytes for s in view.stage.segments)
        elif isinstance(view.stage, MuveraStage):
            components["muvera"] = view.stage.size_bytes
        waiting = view.count - view.staged if view.staged else 0
        return VectorIndexStats(view.count, waiting, {name: size for name, size in components.items() if size})

    # -- inside

    @property
    def _settings(self) -> dict[str, Any]:
        """The settings that a snapshot must have been made with."""
        muvera = None if self._muvera is None else asdict(self._muvera)
        return {"bits": self._bits, "cosine": self._cosine, "muvera": muvera}

    def _prepare(self, query: Vector, view: TokenView) -> Vector:
        self._source_check.require_whole()
        tokens = check_tokens(query, view.dims)
        return unit(tokens) if self._cosine else tokens


def _dead(rows: TokenRows, live: BitMap) -> npt.NDArray[np.bool_]:
    """``(rows,)``: which rows are of dead objects."""
    dead = np.ones(len(rows.doc_ids), np.bool_)
    end = int(rows.doc_ids[-1]) + 1 if len(rows.doc_ids) else 0
    dead[AllowList(possibly_live(live, end)).rows_of(rows)] = False
    return dead
