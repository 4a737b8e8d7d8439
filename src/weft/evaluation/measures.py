"""Measures of a ranking against judged objects, one number from 0 to 1 for each query, larger is better.

Their names and definitions are those of trec_eval and ir-measures: ``nDCG@10`` (gain is the grade, discount is
log2(rank + 1)), ``RR@10``, ``R@100``, ``P@5``, ``AP@100``, ``Success@1``. An object is relevant if its grade is above
0; one that was not judged has grade 0. ``tests/unit/evaluation/test_measures.py`` compares them with ir-measures.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt

from weft.domain.errors import Invalid

Scores: TypeAlias = npt.NDArray[np.float64]
"""``(Q,)``: a measure of each query."""

MOST_HITS: Final = 1000
"""The greatest cutoff."""

_FORM = re.compile(r"([A-Za-z]+)@([0-9]{1,6})")


class Gains:
    """What ``Q`` rankings found: ``found (Q, K)`` are the grades of the hits in rank order, padded by 0; ``ideal
    (Q, J)`` all grades above 0 of each query, descending, padded by 0; ``relevant (Q,)`` how many these are."""

    def __init__(self, rankings: Sequence[Sequence[str]], judged: Sequence[Mapping[str, float]]) -> None:
        """``rankings``: ids, the best first; ``judged``: grade by id, for each query."""
        depth = max((len(one) for one in rankings), default=0)
        most = max((len(one) for one in judged), default=0)
        self.found = np.zeros((len(rankings), depth))
        self.ideal = np.zeros((len(rankings), most))
        for row, (ranking, grades) in enumerate(zip(rankings, judged, strict=True)):
            self.found[row, : len(ranking)] = [grades.get(id, 0.0) for id in ranking]
            self.ideal[row, : len(grades)] = sorted(grades.values(), reverse=True)
        self.found.clip(0.0, out=self.found)
        self.ideal.clip(0.0, out=self.ideal)
        self.relevant = (self.ideal > 0).sum(axis=1)

    @property
    def hits(self) -> npt.NDArray[np.bool_]:
        """``(Q, K)``: which hits are relevant."""
        return self.found > 0


def _ndcg(gains: Gains, k: int) -> Scores:
    return _ratio(_discounted(gains.found[:, :k]), _discounted(gains.ideal[:, :k]))


def _recall(gains: Gains, k: int) -> Scores:
    return _ratio(gains.hits[:, :k].sum(axis=1), gains.relevant)


def _precision(gains: Gains, k: int) -> Scores:
    return _ratio(gains.hits[:, :k].sum(axis=1), np.full(len(gains.relevant), k))


def _reciprocal_rank(gains: Gains, k: int) -> Scores:
    hits = gains.hits[:, :k]
    return np.asarray((hits / _ranks(hits)).max(axis=1, initial=0.0), np.float64)


def _average_precision(gains: Gains, k: int) -> Scores:
    hits = gains.hits[:, :k]
    return _ratio((hits * hits.cumsum(axis=1) / _ranks(hits)).sum(axis=1), gains.relevant)


def _success(gains: Gains, k: int) -> Scores:
    return np.asarray(gains.hits[:, :k].any(axis=1), np.float64)


_BY_NAME: Final[Mapping[str, Callable[[Gains, int], Scores]]] = {
    "nDCG": _ndcg,
    "RR": _reciprocal_rank,
    "R": _recall,
    "P": _precision,
    "AP": _average_precision,
    "Success": _success,
}
_SPELLINGS: Final = {name.lower(): name for name in _BY_NAME} | {
    "recall": "R",
    "precision": "P",
    "mrr": "RR",
    "map": "AP",
    "hit": "Success",
}


@dataclass(frozen=True, slots=True)
class Measure:
    """``name`` of the best ``cutoff`` hits."""

    name: str
    cutoff: int

    @classmethod
    def parse(cls, text: str) -> Measure:
        """``nDCG@10``; names in any case, also Recall, Precision, MRR, MAP and Hit. Raises Invalid."""
        match = _FORM.fullmatch(text.strip())
        name = _SPELLINGS.get(match[1].lower()) if match else None
        if match is None or name is None:
            raise Invalid(f"{text[:40]!r} is no measure; write one of {', '.join(_BY_NAME)} with a cutoff, as nDCG@10")
        if not 1 <= int(match[2]) <= MOST_HITS:
            raise Invalid(f"the cutoff of {text[:40]!r} must be from 1 to {MOST_HITS}")
        return cls(name, int(match[2]))

    def of(self, gains: Gains) -> Scores:
        return _BY_NAME[self.name](gains, self.cutoff)

    def __str__(self) -> str:
        return f"{self.name}@{self.cutoff}"


def _ranks(hits: npt.NDArray[np.bool_]) -> npt.NDArray[np.int64]:
    return np.arange(1, hits.shape[1] + 1)


def _discounted(gains: npt.NDArray[np.float64]) -> Scores:
    return np.asarray(gains @ (1.0 / np.log2(np.arange(2, gains.shape[1] + 2))), np.float64)


def _ratio(part: npt.ArrayLike, whole: npt.ArrayLike) -> Scores:
    """0 where there is nothing to find."""
    divisor = np.asarray(whole, np.float64)
    found = np.asarray(part, np.float64) / np.where(divisor > 0, divisor, 1.0)
    return np.asarray(np.where(divisor > 0, found, 0.0), np.float64)
