"""MultiVectorIndex."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from pyroaring import BitMap

from weft.domain.objects import Vector
from weft.domain.schema import Metric, VectorIndexConfig
from weft.index.allow_list import AllowList
from weft.index.multivector.neighbours import Neighbours, nearest
from weft.index.multivector.query import check_tokens, unit
from weft.index.multivector.source import DocIds, Rows, TokenRows, TokenSource, allowed_rows, find_rows
from weft.index.multivector.twins import exact_scores


class MultiVectorIndex:
    def __init__(self, source: TokenSource, config: VectorIndexConfig, folder: Path) -> None:
        self._source = source
        self._config = config
        self._folder = folder
        self._cosine = config.metric is Metric.COSINE
        self._view: TokenRows = source.rows
        self.extend()

    @property
    def covered(self) -> int:
        view = self._view
        return int(view.doc_ids[-1]) + 1 if len(view.doc_ids) else 0

    def extend(self) -> None:
        self._view = self._source.rows

    def search(
        self, query: Vector, k: int, allow: AllowList | None, *, max_distance: float | None = None
    ) -> Neighbours:
        view = self._view
        tokens = self._prepare(query)
        rows = np.arange(len(view.doc_ids)) if allow is None else allowed_rows(view.doc_ids, allow)
        distances = -self._exact(view, tokens, rows)
        return nearest(view.doc_ids[rows], distances, k, max_distance)

    def distances(self, query: Vector, doc_ids: Sequence[int] | DocIds) -> npt.NDArray[np.float32]:
        """``(n,) f32``, exact; NaN where the object has no such vector."""
        view = self._view
        tokens = self._prepare(query)
        rows = find_rows(view.doc_ids, np.asarray(doc_ids, np.uint32))
        result = np.full(len(rows), np.nan, np.float32)
        found = rows >= 0
        result[found] = -self._exact(view, tokens, rows[found])
        return result

    def get(self, doc_ids: Sequence[int]) -> list[Vector | None]:
        """The token vectors as the user gave them, ``(T, d) f32`` each; None where there is none."""
        view = self._view
        rows = find_rows(view.doc_ids, np.asarray(doc_ids, np.uint32)).tolist()
        return [None if r < 0 else np.array(view.tokens[view.offsets[r] : view.offsets[r + 1]]) for r in rows]

    def maintain(self, live: BitMap) -> bool:
        return False

    def checkpoint(self) -> None: ...

    def close(self) -> None: ...

    def stats(self) -> Any:
        return {}

    def _prepare(self, query: Vector) -> Vector:
        tokens = check_tokens(query, self._source.dims)
        return unit(tokens) if self._cosine else tokens

    def _exact(self, view: TokenRows, query: Vector, rows: Rows) -> npt.NDArray[np.float32]:
        return exact_scores(query, view.tokens, view.offsets, rows, self._cosine)
