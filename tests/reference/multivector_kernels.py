"""The kernels of ``index.multivector`` in plain numpy."""

from __future__ import annotations

import itertools

import numpy as np
import numpy.typing as npt

from weft.domain.objects import Vector


def exact_scores(
    query: Vector, tokens: Vector, offsets: npt.NDArray[np.int64], rows: npt.NDArray[np.int64], cosine: bool
) -> npt.NDArray[np.float32]:
    """MaxSim of ``query (Tq, d)`` against each row; ``(n,) f32``, larger is better. Source: arXiv 2004.12832."""
    scores = np.empty(len(rows), np.float32)
    for i, row in enumerate(rows.tolist()):
        document = tokens[offsets[row] : offsets[row + 1]]
        similarity = query @ document.T
        if cosine:
            norms = np.sqrt(np.einsum("td,td->t", document, document))
            similarity *= np.divide(1.0, norms, out=np.zeros_like(norms), where=norms > 0)
        scores[i] = similarity.max(axis=1).sum()
    return scores


def pack_bytes(query: Vector, weights: Vector) -> tuple[npt.NDArray[np.int8], Vector]:
    """``query·weights`` in int8 ``(Tq, D)``, unpacked, and each token's scale ``(Tq,)``."""
    width = len(weights)
    padded = np.zeros((len(query), width), np.float32)
    padded[:, : query.shape[1]] = query
    padded *= weights
    scales = np.abs(padded).max(axis=1) / np.float32(127)
    rounded = np.rint(np.divide(padded, scales[:, None], out=np.zeros_like(padded), where=scales[:, None] > 0))
    return rounded.astype(np.int8), scales.astype(np.float32)


def centroid_table(centroids: npt.NDArray[np.uint8], query: npt.NDArray[np.int8], scales: Vector) -> Vector:
    """``(C, Tq) f32``."""
    products = (centroids.astype(np.int64) - 128) @ query.astype(np.int64).T
    return (products * scales.astype(np.float64)).astype(np.float32)


def byte_table(table: Vector) -> tuple[npt.NDArray[np.uint8], float]:
    """``(C, Tq) u8`` and the similarity of one step."""
    greatest = table.max(axis=0)
    step = max(1e-12, float((greatest - table.mean(axis=0)).max())) / 255
    return np.maximum(0, ((table - greatest) / step + 255.5).astype(np.int32)).astype(np.uint8), step


def listed_rows(
    probes: npt.NDArray[np.uint16],
    starts: npt.NDArray[np.int64],
    rows: npt.NDArray[np.uint32],
    doc_ids: npt.NDArray[np.uint32],
    allowed: set[int] | None,
) -> set[int]:
    found = {int(r) for c in probes for r in rows[starts[c] : starts[c + 1]]}
    return found if allowed is None else {r for r in found if int(doc_ids[r]) in allowed}


def table_scores(
    rows: npt.NDArray[np.uint32],
    starts: npt.NDArray[np.int64],
    centroids: npt.NDArray[np.uint16],
    table: npt.NDArray[np.uint8],
) -> npt.NDArray[np.int64]:
    sums = [table[centroids[starts[r] : starts[r + 1]]].max(axis=0).sum(dtype=np.int64) for r in rows]
    return np.array(sums, np.int64)


def unpack(codes: npt.NDArray[np.uint8], bits: int) -> npt.NDArray[np.uint8]:
    """``(T, D)`` levels of ``(T, D·bits/8)`` codes."""
    mask = np.uint8((1 << bits) - 1)
    return np.concatenate([(codes >> np.uint8(p * bits)) & mask for p in range(8 // bits)], axis=1)


def reconstructed(anchors: Vector, codes: npt.NDArray[np.uint8], sizes: Vector, weights: Vector, bits: int) -> Vector:
    """Tokens ``(T, d)`` from their centroids ``anchors (T, d)``, codes and sizes ``(T,)``."""
    levels = unpack(codes, bits)[:, : anchors.shape[1]] - np.float32((1 << bits) - 1) / 2
    return np.asarray(anchors + levels * sizes[:, None] * weights[: anchors.shape[1]], dtype=np.float32)


def row_centroids(winners: npt.NDArray[np.uint16], starts: npt.NDArray[np.int64]) -> list[list[int]]:
    return [sorted(set(winners[a:b].tolist())) for a, b in itertools.pairwise(starts)]


def encode_sets(
    buckets: npt.NDArray[np.int32], projected: Vector, starts: npt.NDArray[np.int64], ksim: int, documents: bool
) -> Vector:
    """MUVERA encodings of one repetition, ``(rows, 2**ksim·p) f32``. Source: arXiv 2405.19504."""
    encodings = np.zeros((len(starts) - 1, 1 << ksim, projected.shape[1]), np.float32)
    for r, (first, last) in enumerate(itertools.pairwise(starts)):
        mine, tokens = buckets[first:last], projected[first:last]
        for bucket in range(1 << ksim):
            inside = tokens[mine == bucket]
            if len(inside):
                encodings[r, bucket] = inside.mean(axis=0) if documents else inside.sum(axis=0)
            elif documents:
                differing = [int(b ^ bucket).bit_count() for b in mine]
                encodings[r, bucket] = tokens[int(np.argmin(differing))]
    return encodings.reshape(len(encodings), -1)


def ward_heights(tokens: Vector) -> npt.NDArray[np.float64]:
    """``(n − 1,)`` ascending: the squared Ward distances at which clusters of ``tokens`` merge, by trying all pairs."""
    clusters = [tokens[i : i + 1].astype(np.float64) for i in range(len(tokens))]
    heights = []
    while len(clusters) > 1:
        best = (np.inf, 0, 0)
        for i in range(len(clusters)):
            for j in range(i + 1, len(clusters)):
                a, b = clusters[i], clusters[j]
                gap = ((a.mean(axis=0) - b.mean(axis=0)) ** 2).sum() * 2 * len(a) * len(b) / (len(a) + len(b))
                best = min(best, (float(gap), i, j))
        heights.append(best[0])
        merged = np.concatenate([clusters[best[1]], clusters.pop(best[2])])
        clusters[best[1]] = merged
    return np.sort(np.array(heights))
