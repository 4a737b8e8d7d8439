"""The kernels of ``index.vector`` in plain numpy: the same names, arguments and answers, slower."""

from __future__ import annotations

import heapq

import numpy as np
import numpy.typing as npt

F32 = npt.NDArray[np.float32]
I64 = npt.NDArray[np.int64]
I32 = npt.NDArray[np.int32]
U8 = npt.NDArray[np.uint8]
I8 = npt.NDArray[np.int8]
U32 = npt.NDArray[np.uint32]
U64 = npt.NDArray[np.uint64]


def score_codes(
    codes: U8 | I8,
    rows: I64,
    weights: npt.NDArray[np.int16],
    unit: float,
    bias: float,
    scales: F32,
    squares: F32,
    out: F32,
) -> None:
    chosen = rows if len(rows) else np.arange(len(out))
    totals = (codes[chosen].astype(np.int64) @ weights.astype(np.int64)) * unit
    if len(scales):
        totals = totals * scales[chosen]
    totals = totals + bias
    if len(squares):
        totals = totals - squares[chosen]
    out[:] = totals


def code_rows(vectors: F32, normalised: bool, codes: I8, scales: F32, squares: F32) -> tuple[float, float]:
    if normalised:
        norms = np.linalg.norm(vectors, axis=1, keepdims=True)
        vectors = (vectors / np.where(norms == 0, 1, norms)).astype(np.float32)
    scales[:] = np.abs(vectors).max(axis=1) / np.float32(127)
    scales[scales == 0] = 1
    codes[:] = np.rint(vectors / scales[:, None]).astype(np.int8)
    lengths = (vectors**2).sum(axis=1)
    squares[:] = lengths[: len(squares)]
    return float(((vectors - codes * scales[:, None]) ** 2).sum(axis=1).max()), float(lengths.max())


def score_bits(codes: U64, rows: I64, query: U64, out: F32) -> None:
    chosen = rows if len(rows) else np.arange(len(out))
    out[:] = -np.bitwise_count(codes[chosen] ^ query).sum(axis=1, dtype=np.float32)


def allowed(bits: U8, doc_ids: U32) -> npt.NDArray[np.bool_]:
    flags = np.unpackbits(bits, bitorder="little").astype(bool)
    inside = doc_ids < len(flags)
    inside[inside] = flags[doc_ids[inside]]
    return inside


def best(scores: F32, count: int, margin: float, floor: float) -> I64:
    threshold = np.float32(floor)
    if count < len(scores):
        threshold = max(threshold, np.float32(np.sort(scores)[::-1][count - 1] - margin))
    return np.flatnonzero((scores >= threshold) & (scores > -np.inf))


def pick(
    labels: I64, scores: F32, to_row: I64, doc_ids: U32, bits: U8, filtered: bool, count: int, margin: float
) -> tuple[I64, int]:
    ends = np.flatnonzero(labels < 0)
    n = ends[0] if len(ends) else len(labels)
    rows, scores, places = labels[:n], scores[:n], np.arange(n)
    if len(to_row):
        rows = to_row[rows]
        there = rows >= 0
        rows, scores, places = rows[there], scores[:n][there], places[there]
    if filtered:
        passed = allowed(bits, doc_ids[rows])
        rows, scores, places = rows[passed], scores[passed], places[passed]
    if len(rows) < count:
        return rows, -1
    taken = (np.arange(len(rows)) < count) | (scores >= np.float32(scores[count - 1] - margin))
    return rows[taken], int(places[count - 1]) + 1


def measure(vectors: F32, rows: I64, query: F32, metric: int, q_square: float, out: F32) -> None:
    v = vectors[np.maximum(rows, 0)]
    if metric == 0:
        lengths = np.sqrt(np.einsum("ij,ij->i", v, v, dtype=np.float64) * q_square)
        cosines = np.divide(v @ query, lengths, out=np.zeros(len(v)), where=lengths > 0)
        distances = np.maximum(0, 1 - cosines)
    elif metric == 1:
        distances = -(v @ query)
    elif metric == 2:
        distances = np.square(v - query).sum(axis=1)
    elif metric == 3:
        distances = np.abs(v - query).sum(axis=1)
    else:
        distances = (v != query).sum(axis=1)
    out[:] = np.where(rows >= 0, distances, np.nan)


def nearest(
    vectors: F32,
    doc_ids: U32,
    rows: I64,
    query: F32,
    metric: int,
    q_square: float,
    k: int,
    limit: float,
    place: I64 | None = None,
) -> tuple[U32, F32]:
    """Equal distances by ``place (docs,)``, that of each doc_id, or by doc_id."""
    distances = np.empty(len(rows), np.float32)
    measure(vectors, rows, query, metric, q_square, distances)
    inside = distances <= limit
    ids, distances = doc_ids[rows[inside]], distances[inside]
    order = np.lexsort((ids if place is None else place[ids], distances))[:k]
    return ids[order], distances[order]


def walk(
    links: I32,
    offsets: U64,
    level_starts: I32,
    entry_point: int,
    codes: U8,
    low: F32,
    step: F32,
    squares: F32,
    direction: F32,
    ef: int,
    width: int,
) -> tuple[I64, F32]:
    """As of the kernel; what was visited is a set."""
    scaled = (direction * step).astype(np.float64)
    most = min(32767, (2**31 - 1) // (255 * len(direction)))
    unit = float(np.abs(scaled).max()) / most or 1.0
    weights = np.rint(scaled / unit).astype(np.int64)
    bias = np.float32((direction * (low.astype(np.float64) + 0.5 * step)).sum())

    def distance(label: int) -> np.float32:
        closeness = np.float32(codes[label].astype(np.int64) @ weights) * np.float32(unit)
        return squares[label] - closeness if len(squares) else -closeness

    def neighbours(label: int, level: int) -> list[int]:
        first = int(offsets[label])
        found: list[int] = links[first + level_starts[level] : first + level_starts[level + 1]].tolist()
        return found[: found.index(-1)] if -1 in found else found

    at = (distance(entry_point), entry_point)
    for level in range(len(level_starts) - 2, 0, -1):
        before = None
        while before != at:
            before = at
            for label in neighbours(at[1], level):
                if distance(label) < at[0]:
                    at = (distance(label), label)
    kept, waiting, visited = [at], [at], {at[1]}
    while waiting:
        nearest = heapq.heappop(waiting)
        if len(kept) == ef and nearest > kept[-1]:
            break
        for label in neighbours(nearest[1], 0):
            if label in visited:
                continue
            visited.add(label)
            entry = (distance(label), label)
            if len(kept) < ef or entry < kept[-1]:
                kept = sorted([*kept, entry])[:ef]
                heapq.heappush(waiting, entry)
    labels, closeness = np.full(width, -1, np.int64), np.full(width, -np.inf, np.float32)
    for i, (d, label) in enumerate(kept[:width]):
        labels[i], closeness[i] = label, bias - d
    return labels, closeness
