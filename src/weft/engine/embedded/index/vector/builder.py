"""What upkeep builds and no search reads: a FAISS index on the heap, or codes.

A vector is put in once. Byte codes are ranged by dimension, and the ranges come from the vectors that were there first:
when later ones lie so far outside that the codes' error would grow, all are encoded again with wider ranges, and the
graph's links stay as they are: they were found among codes that were good enough.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from math import ceil, sqrt
from typing import Any

import numpy as np
import numpy.typing as npt

from weft.domain.schema import Metric
from weft.engine.embedded.index.arrays import I32
from weft.engine.embedded.index.faiss_library import at_low_priority, load_faiss
from weft.engine.embedded.index.vector.codes import (
    BitCodes,
    ByteCodes,
    Codes,
    GrowingCodes,
    bits_of,
    chunks,
    decoded,
    greatest_of,
    joined,
    prepared,
)
from weft.engine.embedded.index.vector.frozen import Shape
from weft.engine.embedded.index.vector.graph import Graph, Recipe, bytes_codes_of, bytes_of
from weft.engine.embedded.index.vector.training import Check, train
from weft.engine.embedded.storage.rows import RowNumbers

Vectors = npt.NDArray[np.float32]
Stored = Callable[[int, int], tuple[Vectors, npt.NDArray[np.bool_]]]
"""The stored vectors of the labels from one up to another, and which of them are still there."""

_COARSER = 1.5
"""All codes are made again before their error becomes greater than this times what it was."""
_HEADROOM = 1 / 16
"""By this share of its extent a range that turned out too narrow is made wider than it has to be."""

_EFFORT = 1.1
"""More than configured: vectors that come in small batches are linked a little worse than all at once."""

_CHUNK = 4096
_POSTING_ROWS = 128
"""The average number of rows in a list."""
_LEAST_TRAINING = 256
_SEED = 5678


class GraphBuilder:
    """A FAISS index that one thread at a time adds to."""

    def __init__(self, index: Any, recipe: Recipe, codes: ByteCodes | None = None) -> None:
        """``codes``: those of ``index`` if it has some already."""
        self.index = index
        self._recipe = recipe
        self._squares = [codes.squares] if codes is not None else []
        self._error = self._coded_error = codes.error if codes is not None else 0.0
        self._greatest = codes.greatest if codes is not None else 0.0

    @classmethod
    def trained(cls, recipe: Recipe, vectors: Vectors, rows: RowNumbers, check: Check) -> GraphBuilder:
        """An empty one that is trained on the ``rows (m,)`` of ``vectors (n, d)``."""
        faiss = load_faiss()

        lists = max(1, min(ceil(len(rows) / _POSTING_ROWS), int(16 * sqrt(len(rows)))))
        metric = {Metric.L2: faiss.METRIC_L2, Metric.MANHATTAN: faiss.METRIC_L1}.get(
            recipe.metric, faiss.METRIC_INNER_PRODUCT
        )
        index = faiss.index_factory(vectors.shape[1], recipe.factory.format(lists=lists), metric)
        if recipe.mode == "graph":
            index.hnsw.efConstruction = int(_EFFORT * recipe.ef_construction)
        builder = cls(index, recipe)
        if recipe.in_bytes:
            # The ranges of all rows, not of a sample: no component is clipped, so the codes' error stays bounded.
            builder._set_ranges(_ranges_of(vectors, rows, recipe.metric, check))
        elif not index.is_trained:
            sample = vectors[_sample(rows, recipe.training_rows)]
            train(index, np.ascontiguousarray(prepared(sample, recipe.metric)), check)
        return builder

    @classmethod
    def resumed(cls, graph: Graph, codes: Codes | None) -> GraphBuilder:
        """A copy of ``graph`` on the heap."""
        faiss = load_faiss()

        return cls(faiss.read_index(str(graph.path)), graph.recipe, codes if isinstance(codes, ByteCodes) else None)

    @property
    def size(self) -> int:
        return int(self.index.ntotal)

    @property
    def size_bytes(self) -> int:
        return bytes_of(self.index, self._recipe)

    def draw_levels(self, count: int) -> I32 | None:
        """``(count,)``: a random level for each of the next vectors, 0 for most, as FAISS distributes them; None if
        this is no graph."""
        if self._recipe.mode != "graph":
            return None
        shares = np.cumsum(load_faiss().vector_to_array(self.index.hnsw.assign_probas))
        drawn = np.random.default_rng((_SEED, self.size)).random(count)
        return np.minimum(np.searchsorted(shares, drawn, side="right"), len(shares) - 1).astype(np.int32)

    def add(self, vectors: Vectors, levels: I32 | None, stored: Stored, check: Check) -> None:
        """Puts ``vectors (n, d)`` with the ``levels (n,)`` that were drawn for them behind those that there are, whose
        stored ones ``stored`` returns.

        It is one step: ``check`` is called only where all codes are made again. When it raises, this cannot be used any
        more.
        """
        values = np.ascontiguousarray(prepared(vectors, self._recipe.metric))
        if not self._recipe.in_bytes:
            self._put(values, levels)
            return
        before = self.size
        if before and self._too_narrow(values):
            self._encode_again(values, stored, check)
        self._put(values, levels)
        codes, ranges = bytes_codes_of(self.index)
        self._note(values, codes[before:], ranges)
        if not before:
            self._coded_error = self._error
        if self._recipe.metric is Metric.L2:
            self._squares.append(np.einsum("ij,ij->i", values, values))

    @property
    def codes(self) -> ByteCodes | None:
        """The byte codes within the index, with their bounds."""
        if not self._recipe.in_bytes:
            return None
        data, ranges = bytes_codes_of(self.index)
        squares = np.concatenate(self._squares) if self._squares else np.zeros(0, np.float32)
        return byte_codes(data, ranges, squares, self._error, self._greatest)

    def write(self, take: Callable[[bytes], None]) -> None:
        """Calls ``take`` with each piece of what FAISS writes; what it raises ends the writing."""
        faiss = load_faiss()

        faiss.write_index(self.index, faiss.PyCallbackIOWriter(take, 1 << 20))

    def _put(self, values: Vectors, levels: I32 | None) -> None:
        """FAISS takes the levels that are there already, one more than the index has vectors for each of these."""
        if levels is not None:
            known, size = self.index.hnsw.levels, self.size + len(values)
            known.resize(size)
            load_faiss().rev_swig_ptr(known.data(), size)[self.size :] = levels + 1  # 0 is not on any level
        at_low_priority(lambda: self.index.add(values), self.size + len(values))

    def _too_narrow(self, values: Vectors) -> bool:
        low, extent = bytes_codes_of(self.index)[1]
        outside = np.maximum(low - values, 0) + np.maximum(values - (low + extent), 0)
        return greatest_of(outside) > sqrt(_COARSER**2 - 1) * self._coded_error

    def _encode_again(self, values: Vectors, stored: Stored, check: Check) -> None:
        """With ranges that hold ``values``, too."""
        data, old = bytes_codes_of(self.index)
        low, high = old[0], old[0] + old[1]
        least, most = values.min(axis=0), values.max(axis=0)
        wider = (np.maximum(high, most) - np.minimum(low, least)) * np.float32(_HEADROOM)
        low = np.where(least < low, least - wider, low)
        high = np.where(most > high, most + wider, high)
        ranges = np.stack([low, high - low]).astype(np.float32)
        self._set_ranges(ranges)
        storage = self._storage
        self._error = 0.0
        for at in range(0, len(data), _CHUNK):
            check()
            part = data[at : at + _CHUNK]
            found, there = stored(at, at + len(part))
            known = prepared(found, self._recipe.metric)
            source = decoded(part, old)
            source[there] = known
            part[:] = storage.sa_encode(source)
            self._note(known, part[there], ranges)
        self._coded_error = self._error

    def _note(self, values: Vectors, codes: npt.NDArray[np.uint8], ranges: Vectors) -> None:
        """Takes the error of ``codes (n, d)`` of ``values (n, d)`` into the bounds."""
        self._error = max(self._error, greatest_of(values - decoded(codes, ranges)))
        self._greatest = max(self._greatest, greatest_of(values))

    def _set_ranges(self, ranges: Vectors) -> None:
        faiss = load_faiss()

        storage = self._storage
        faiss.copy_array_to_vector(np.ascontiguousarray(ranges).ravel(), storage.sq.trained)
        storage.is_trained = self.index.is_trained = True

    @property
    def _storage(self) -> Any:
        faiss = load_faiss()

        return faiss.downcast_index(self.index.storage)


class CodesBuilder:
    """Codes that are scanned; made once for each vector."""

    def __init__(self, shape: Shape, dims: int, codes: Codes | None = None) -> None:
        """``codes``: those that there are already."""
        self._shape = shape
        self._old = codes
        self._bytes = GrowingCodes(dims, shape.metric) if shape.codes == "bytes" else None
        self._bits: list[npt.NDArray[np.uint64]] = []
        self._rotated = shape.codes == "rotated-bits"

    def add(self, vectors: Vectors) -> None:
        """Of ``vectors (n, d)``, behind those that there are."""
        if self._bytes is not None:
            self._bytes.append(vectors)
        else:
            self._bits.append(bits_of(prepared(vectors, self._shape.metric), self._rotated))

    @property
    def codes(self) -> Codes | None:
        new: Codes | None = self._bytes.codes if self._bytes is not None else None
        if self._bits:
            new = BitCodes(np.concatenate(self._bits), self._rotated)
        if self._old is None or new is None:
            return new if self._old is None else self._old
        return joined(self._old, new)


def byte_codes(
    data: npt.NDArray[np.uint8], ranges: Vectors, squares: Vectors, error: float, greatest: float
) -> ByteCodes:
    """SQ8 codes ``data (n, d)`` with their bounds; ``squares (n,)`` under l2-squared, else empty."""
    step = ranges[1] / np.float32(255)
    return ByteCodes(data, squares=squares, error=error, greatest=greatest, low=ranges[0], step=step)


def _ranges_of(vectors: Vectors, rows: RowNumbers, metric: Metric, check: Check) -> Vectors:
    """``(2, d)``: the least value and the extent of each dimension over ``rows``, as FAISS's SQ8 is trained."""
    bounds = [(part.min(axis=0), part.max(axis=0)) for part in _checked(vectors, rows, metric, check)]
    low = np.min([least for least, _ in bounds], axis=0)
    extent = np.max([most for _, most in bounds], axis=0) - low
    extent[extent == 0] = 1e-9
    return np.stack([low, extent]).astype(np.float32)


def _checked(vectors: Vectors, rows: RowNumbers, metric: Metric, check: Check) -> Iterator[Vectors]:
    for chunk in chunks(vectors, rows):
        check()
        yield prepared(chunk, metric)


def _sample(rows: RowNumbers, most: int) -> RowNumbers:
    """Up to ``most`` of ``rows (m,)``, spread evenly; some repeatedly where there are fewer than FAISS needs."""
    return rows[np.linspace(0, len(rows) - 1, max(_LEAST_TRAINING, min(len(rows), most))).astype(np.int64)]
