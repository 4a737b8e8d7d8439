"""How sure a mean over queries is, and whether two means differ: bootstrap intervals and paired randomization tests.

Both take the queries for a sample of all that could be asked, and assume no distribution. The same scores give the same
numbers: the generator has a fixed seed. Sources: Efron, "Bootstrap Methods" (1979); Smucker, Allan and Carterette, "A
Comparison of Statistical Significance Tests for Information Retrieval Evaluation" (2007); Holm, "A Simple Sequentially
Rejective Multiple Test Procedure" (1979).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from typing import Final

import numpy as np

from weft.evaluation.measures import Scores

CONFIDENCE: Final = 0.95
SIGNIFICANT: Final = 0.05
"""Differences whose p-value is below it are called significant."""

_SEED = 17
_RESAMPLES = 10_000
_MOST_CELLS = 4_000_000
"""Numbers drawn at a time: 32 MB."""


@dataclass(frozen=True, slots=True)
class Interval:
    """A mean, and where it lies with 95% confidence."""

    mean: float
    low: float
    high: float

    @property
    def half_width(self) -> float:
        return (self.high - self.low) / 2


def interval(scores: Scores) -> Interval:
    """The mean of ``scores (Q,)``, at least one, with its percentile bootstrap interval of 10,000 resamples."""
    random = np.random.default_rng(_SEED)
    count = len(scores)
    means = np.concatenate([scores[random.integers(0, count, (n, count))].mean(axis=1) for n in _chunks(count)])
    low, high = np.quantile(means, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
    return Interval(float(scores.mean()), float(low), float(high))


def paired_p_value(first: Scores, second: Scores) -> float:
    """The two-sided p-value of ``first (Q,)`` and ``second (Q,)`` having the same mean, of the same queries.

    If they were alike, each query's difference could as well have the other sign: all signs are tried where these are
    at most 10,000 ways, 10,000 at random otherwise.
    """
    differences = first - second
    differences = differences[differences != 0]
    count = len(differences)
    if not count:
        return 1.0
    observed = abs(differences.sum()) - 1e-12  # sums of the same numbers may differ in their last digit
    if 2**count <= _RESAMPLES:
        signs = np.array(list(product((1.0, -1.0), repeat=count)))
        return float((np.abs(signs @ differences) >= observed).mean())
    random = np.random.default_rng(_SEED)
    as_far = 0
    for n in _chunks(count):
        signs = random.integers(0, 2, (n, count), dtype=np.int8) * 2.0 - 1.0
        as_far += int((np.abs(signs @ differences) >= observed).sum())
    return (as_far + 1) / (_RESAMPLES + 1)


def corrected(p_values: Sequence[float]) -> list[float]:
    """Those of several comparisons made at once, by Holm's method: so that one of many is not significant by chance."""
    count = len(p_values)
    found, greatest = [0.0] * count, 0.0
    for place, i in enumerate(sorted(range(count), key=lambda i: p_values[i])):
        greatest = max(greatest, min(1.0, (count - place) * p_values[i]))
        found[i] = greatest
    return found


def _chunks(count: int) -> list[int]:
    """The resamples, so many at a time."""
    size = max(1, _MOST_CELLS // count)
    return [min(size, _RESAMPLES - at) for at in range(0, _RESAMPLES, size)]
