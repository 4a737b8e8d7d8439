"""The frozen part of an index: codes or a FAISS index over the first rows of the vector file."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from weft.domain.schema import Metric
from weft.engine.embedded.index.vector.codes import (
    BitCodes,
    ByteCodes,
    Codes,
    GrowingCodes,
    bits_of,
    chunks,
    prepared,
    residual_of,
)
from weft.engine.embedded.index.vector.graph import Graph, Recipe, Sources

_COARSER = 1.5
"""A graph that would have to grow by vectors far outside its code ranges is rebuilt."""


@dataclass(frozen=True, slots=True)
class Shape:
    """The kind of frozen part of a configuration: a FAISS index by ``recipe``, or codes (``bytes`` or bits)."""

    metric: Metric
    recipe: Recipe | None
    codes: str
    """``bytes``, ``bits``, ``rotated-bits`` or ``none`` (exact float32 scans, nothing to freeze)."""

    @property
    def name(self) -> str:
        return self.recipe.name if self.recipe else f"{self.codes}/{self.metric.value}"


@dataclass(frozen=True, slots=True)
class Frozen:
    """Accounts for the source's rows ``[0, covered)``; rows that were dead when it was made may be missing."""

    shape: Shape
    covered: int
    to_row: npt.NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))
    """``(n,)`` the row of each label, ascending; empty: label and row are the same."""
    graph: Graph | None = None
    codes: Codes | None = None

    @property
    def size(self) -> int:
        return len(self.to_row) or self.covered

    @property
    def size_bytes(self) -> int:
        graph = 0
        if self.graph is not None:
            graph = self.graph.size_bytes
            if isinstance(self.codes, ByteCodes):
                return graph + self.codes.squares.nbytes + self.to_row.nbytes
        return graph + (self.codes.size_bytes if self.codes is not None else 0) + self.to_row.nbytes

    def labels(self, rows: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """``(m,)``: the labels of those of the ascending ``rows (n,)`` that are here."""
        rows = rows[: np.searchsorted(rows, self.covered)]
        if not len(self.to_row):
            return rows
        labels = np.searchsorted(self.to_row, rows)
        labels = labels[: np.searchsorted(labels, len(self.to_row))]
        found: npt.NDArray[np.int64] = labels[self.to_row[labels] == rows[: len(labels)]]
        return found

    def rows(self, labels: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """``(n,)``: the row of each of ``labels (n,)``."""
        return self.to_row[labels] if len(self.to_row) else labels


def freeze(
    shape: Shape,
    vectors: npt.NDArray[np.float32],
    kept: npt.NDArray[np.int64] | None,
    stop: Callable[[], bool],
) -> Frozen | None:
    """A frozen part of all ``vectors (n, d)``, or of the rows ``kept``; None if ``stop`` returned True."""
    rows: Sources = slice(0, len(vectors)) if kept is None else kept
    to_row = np.zeros(0, np.int64) if kept is None else kept
    if shape.recipe is None:
        return Frozen(shape, len(vectors), to_row, None, _encode(shape, vectors, rows))
    graph = Graph.build(shape.recipe, vectors, rows, stop)
    if graph is None:
        return None
    return Frozen(shape, len(vectors), to_row, graph, _codes_of(graph, vectors, rows, None))


def grow(
    old: Frozen, vectors: npt.NDArray[np.float32], kept: npt.NDArray[np.int64] | None, stop: Callable[[], bool]
) -> Frozen | None:
    """``old`` extended by the later rows of ``vectors (n, d)`` in ``kept (m,)`` (None: all); made by ``freeze`` if it
    cannot be extended. None if ``stop`` asks for it."""
    whole = kept is None and not len(old.to_row)
    behind = np.arange(old.covered, len(vectors)) if kept is None else kept[np.searchsorted(kept, old.covered) :]
    before = old.to_row if len(old.to_row) else np.arange(old.covered)
    to_row = np.zeros(0, np.int64) if whole else np.concatenate([before, behind])
    if old.graph is None:
        return freeze(old.shape, vectors, None if whole else to_row, stop)
    graph = old.graph.extended(vectors, behind, stop)
    if graph is None:
        return None
    codes = _codes_of(graph, vectors, behind, old.codes)
    if isinstance(codes, ByteCodes) and isinstance(old.codes, ByteCodes) and codes.error > _COARSER * old.codes.error:
        return freeze(old.shape, vectors, kept, stop)
    return Frozen(old.shape, len(vectors), to_row, graph, codes)


def _codes_of(graph: Graph, vectors: npt.NDArray[np.float32], new: Sources, old: Codes | None) -> ByteCodes | None:
    """The byte codes within ``graph``, whose last labels are the rows ``new``."""
    inside = graph.bytes_codes
    if inside is None:
        return None
    data, ranges = inside
    metric = graph.recipe.metric
    count = new.stop - new.start if isinstance(new, slice) else len(new)
    error, greatest = residual_of(data[len(data) - count :], vectors, new, ranges, metric)
    squares = np.zeros(0, np.float32)
    if metric is Metric.L2:
        parts = [np.einsum("ij,ij->i", c, c) for c in chunks(vectors, new)]
        squares = np.concatenate(([old.squares] if isinstance(old, ByteCodes) else []) + parts)
    if isinstance(old, ByteCodes):
        error, greatest = max(error, old.error), max(greatest, old.greatest)
    return byte_codes_of(graph, squares, error, greatest)


def byte_codes_of(graph: Graph, squares: npt.NDArray[np.float32], error: float, greatest: float) -> ByteCodes | None:
    """The byte codes within ``graph``, with their bounds; ``squares (n,)`` under l2-squared, else empty."""
    inside = graph.bytes_codes
    if inside is None:
        return None
    data, ranges = inside
    return ByteCodes(
        data, squares=squares, error=error, greatest=greatest, low=ranges[0], step=ranges[1] / np.float32(255)
    )


def _encode(shape: Shape, vectors: npt.NDArray[np.float32], rows: Sources) -> Codes:
    if shape.codes == "bytes":
        count = rows.stop - rows.start if isinstance(rows, slice) else len(rows)
        tail = GrowingCodes(vectors.shape[1], shape.metric, count)
        for chunk in chunks(vectors, rows):
            tail.append(chunk)
        return tail.codes
    rotated = shape.codes == "rotated-bits"
    return BitCodes(
        np.concatenate([bits_of(prepared(c, shape.metric), rotated) for c in chunks(vectors, rows)]), rotated
    )
