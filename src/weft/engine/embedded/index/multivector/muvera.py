"""MuveraStage: one vector for a token set whose dot products follow MaxSim; a first stage, never an answer.

A repetition cuts space by ``ksim`` random hyperplanes into ``2**ksim`` buckets and projects tokens on
``dprojections`` vectors of random signs / √dprojections. A document's encoding holds each bucket's mean token (an
empty bucket the token nearest to it in Hamming distance), a query's the sum; repetitions are concatenated. Encodings
are kept in one byte a component with one scale a row, and scanned. Source: arXiv 2405.19504. The random parts are
drawn from a stored seed, so encodings are reproducible.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from weft.domain.objects import Vector
from weft.domain.schema import Muvera
from weft.engine.embedded.index.allow_list import in_bits
from weft.engine.embedded.index.multivector.stage import Allowed, Shortlist
from weft.engine.embedded.storage.rows import RowNumbers
from weft.engine.results import DocIds

SEED = 20_240_519
OVERFETCH = 20
"""Rows rescored for each one requested, and at least ``LEAST``."""

LEAST = 500


@dataclass(frozen=True)
class MuveraPlan:
    """The random parts of an encoding: ``planes (R, ksim, d)``, ``projections (R, d, p)``, both f32."""

    settings: Muvera
    dims: int
    seed: int
    planes: Vector
    projections: Vector

    @property
    def width(self) -> int:
        return self.settings.repetitions * (1 << self.settings.ksim) * self.settings.dprojections

    def encode(self, tokens: Vector, starts: npt.NDArray[np.int64], *, documents: bool) -> Vector:
        """``(rows, width) f32`` for the token sets ``tokens[starts[i]:starts[i + 1]]``, none of them empty."""
        from weft.engine.embedded.index.multivector.kernels.encodings import encode_sets

        powers = 1 << np.arange(self.settings.ksim, dtype=np.int32)
        parts = []
        for planes, projection in zip(self.planes, self.projections, strict=True):
            buckets = ((tokens @ planes.T) < 0).astype(np.int32) @ powers
            parts.append(
                encode_sets(buckets.astype(np.int32), tokens @ projection, starts, self.settings.ksim, documents)
            )
        return np.concatenate(parts, axis=1)


def draw(settings: Muvera, dims: int, seed: int = SEED) -> MuveraPlan:
    """The plan of these settings; the same arguments give the same plan."""
    rng = np.random.default_rng(seed)
    planes = rng.standard_normal((settings.repetitions, settings.ksim, dims), dtype=np.float32)
    signs = rng.integers(0, 2, (settings.repetitions, dims, settings.dprojections)) * 2 - 1
    return MuveraPlan(settings, dims, seed, planes, (signs / settings.dprojections**0.5).astype(np.float32))


@dataclass(frozen=True)
class MuveraStage:
    """``codes (capacity, W) u8`` and ``scales (capacity,)``; the first ``end_row`` rows count. W a multiple of 8."""

    plan: MuveraPlan
    end_row: int
    codes: npt.NDArray[np.uint8]
    scales: Vector

    @classmethod
    def empty(cls, plan: MuveraPlan) -> MuveraStage:
        width = -(-plan.width // 8) * 8
        return cls(plan, 0, np.full((16, width), 128, np.uint8), np.zeros(16, np.float32))

    @property
    def size_bytes(self) -> int:
        return int(self.end_row * (self.codes.shape[1] + 4) + self.plan.planes.nbytes + self.plan.projections.nbytes)

    def extended(self, tokens: Vector, starts: npt.NDArray[np.int64]) -> MuveraStage:
        """With the rows ``tokens[starts[i]:starts[i + 1]]`` of ``tokens (T, d)`` behind those it has; earlier views
        stay as they were."""
        from weft.engine.embedded.index.multivector.kernels.encodings import to_bytes

        end = self.end_row + len(starts) - 1
        codes, scales = self.codes, self.scales
        if end > len(codes):
            room = -(-max(end, 2 * len(codes)) // 16) * 16
            codes = np.full((room, codes.shape[1]), 128, np.uint8)
            scales = np.zeros(room, np.float32)
            codes[: self.end_row], scales[: self.end_row] = self.codes[: self.end_row], self.scales[: self.end_row]
        encodings = self.plan.encode(tokens, starts, documents=True)
        to_bytes(encodings, codes[self.end_row : end, : self.plan.width], scales[self.end_row : end])
        return replace(self, end_row=end, codes=codes, scales=scales)

    def of_rows(self, rows: RowNumbers) -> MuveraStage:
        """Only ``rows (n,)``, numbered from 0 on."""
        room = max(16, -(-len(rows) // 16) * 16)
        codes = np.full((room, self.codes.shape[1]), 128, np.uint8)
        scales = np.zeros(room, np.float32)
        codes[: len(rows)], scales[: len(rows)] = self.codes[rows], self.scales[rows]
        return replace(self, end_row=len(rows), codes=codes, scales=scales)

    def shortlist(self, query: Vector, k: int, allowed: Allowed, doc_ids: DocIds) -> Shortlist:
        from weft.engine.embedded.index.multivector.kernels.packing import pack_bytes
        from weft.engine.embedded.index.multivector.kernels.table import products

        encoding = self.plan.encode(query, np.array([0, len(query)]), documents=False)
        packed, scales, sums = pack_bytes(encoding, np.ones(self.codes.shape[1], np.float32), 8)
        rows: RowNumbers = (
            np.arange(self.end_row) if allowed.rows is None else allowed.rows[allowed.rows < self.end_row]
        )
        if allowed.bits is not None:
            rows = rows[in_bits(doc_ids[: self.end_row], allowed.bits)]
        if allowed.rows is None:
            found = products(self.codes[: -(-self.end_row // 8) * 8], packed[0], scales, sums)[: self.end_row]
            scores = found[rows] * self.scales[rows] if len(rows) < self.end_row else found * self.scales[: len(found)]
        else:
            chosen = np.concatenate([rows, np.zeros(-len(rows) % 8, np.int64)])
            scores = products(self.codes[chosen], packed[0], scales, sums)[: len(rows)] * self.scales[rows]
        wanted = max(LEAST, OVERFETCH * k)
        if len(rows) > wanted:
            best = np.argpartition(scores, len(rows) - wanted)[len(rows) - wanted :]
            rows, scores = rows[best], scores[best]
        order = np.argsort(-scores, kind="stable")
        return Shortlist(rows[order], scores[order])
