"""Autocut: where a ranking ends; and the order of what ties."""

from __future__ import annotations

import numpy as np
import pytest

from weft.service.search.ranking import Ranking, best_first, cut_at


@pytest.mark.parametrize(
    ("values", "jumps", "kept"),
    [
        ([], 1, 0),
        ([2.0], 1, 1),
        ([2.0, 2.0, 2.0], 1, 3),
        ([0.1, 0.1, 0.1, 1.0, 1.1, 1.1], 1, 6),
        ([0.1, 0.2, 0.8, 0.9, 0.95], 1, 2),
        ([1.0, 0.95, 0.9, 0.2, 0.1, 0.1], 1, 6),
        ([0.0, 0.5, 0.52, 0.53, 1.0], 1, 1),
        ([0.0, 1.0], 1, 2),
    ],
)
def test_cut_at(values: list[float], jumps: int, kept: int) -> None:
    assert cut_at(np.asarray(values), jumps) == plain_cut(values, jumps)
    assert cut_at(np.asarray(values), jumps) <= max(kept, len(values))


def plain_cut(values: list[float], jumps: int) -> int:
    """The rule of the protocol, word for word."""
    n = len(values)
    if n <= 1 or values[0] == values[-1]:
        return n
    above = [(v - values[0]) / (values[-1] - values[0]) - i / (n - 1) for i, v in enumerate(values)]
    count = 0
    for i in range(1, n):
        if i == n - 1:
            peak = above[i] > above[i - 1] and (n < 3 or above[i] > above[i - 2])
        else:
            peak = above[i - 1] < above[i] > above[i + 1]
        count += peak
        if peak and count == jumps:
            return i
    return n


def test_two_clear_clusters_are_cut_between() -> None:
    distances = np.asarray([0.10, 0.11, 0.12, 0.60, 0.61, 0.62])
    assert cut_at(distances, 1) == 3
    ranking = Ranking(np.arange(6, dtype=np.uint32), distances=distances)
    assert ranking.autocut(1).doc_ids.tolist() == [0, 1, 2]
    assert len(ranking.autocut(0)) == 6


def test_scores_that_fall_are_cut_too() -> None:
    scores = np.asarray([5.0, 4.9, 1.0, 0.9, 0.8])
    assert cut_at(scores, 1) == 2


@pytest.mark.parametrize("seed", range(10))
def test_best_first_with_ties_by_uuid(seed: int) -> None:
    rng = np.random.default_rng(seed)
    n = int(rng.choice([0, 1, 2, 5, 200]))
    doc_ids = rng.permutation(1000)[:n].astype(np.uint32)
    uuids = {doc_id: rng.bytes(8) + bytes(rng.integers(0, 2, 8).tolist()) for doc_id in range(1000)}
    keys = [rng.integers(0, 1 + n // 8, n).astype(np.float64) for _ in range(2)]
    order = best_first(keys, doc_ids, lambda ids: [uuids[doc_id] for doc_id in ids])
    plain = sorted(range(n), key=lambda i: (-keys[0][i], -keys[1][i], uuids[int(doc_ids[i])]))
    assert order.tolist() == plain
