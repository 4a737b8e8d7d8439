"""Verdict: which of several ways to search is best, by how much, and whether that could be chance; in one sentence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from weft.evaluation.measures import Scores
from weft.evaluation.significance import SIGNIFICANT, corrected, interval, paired_p_value

_FASTER: Final = 0.8
_FASTER_BY_MS: Final = 1.0
"""What is hardly faster is not worth a word."""


@dataclass(frozen=True, slots=True)
class Contestant:
    """``phrase``: what it is called in the sentence. ``kind``: the best is compared with the best of another kind.
    ``scores (Q,)``: the measure of each query, the same for all. ``milliseconds``: the time of a query."""

    name: str
    phrase: str
    kind: str
    scores: Scores
    milliseconds: float


@dataclass(frozen=True, slots=True)
class Verdict:
    """``p_values``: by name of the others, of the best one being no better; corrected for their number. ``best`` is
    empty where nothing was compared."""

    best: str
    p_values: Mapping[str, float]
    sentence: str


def judge(measure: str, contestants: Sequence[Contestant]) -> Verdict:
    """The greatest mean is best; of equal ones the one that takes less time."""
    if not contestants:
        return Verdict("", {}, "no way to search could be evaluated")
    best, *others = sorted(contestants, key=lambda one: (-one.scores.mean(), one.milliseconds))
    p_values = corrected([paired_p_value(best.scores, one.scores) for one in others])
    by_name = {one.name: p for one, p in zip(others, p_values, strict=True)}
    found = interval(best.scores)
    own = f"{measure} {found.mean:.2f} ± {found.half_width:.2f}"
    if not others:
        return Verdict(best.name, by_name, f"{best.phrase}: {own}")
    rival = next((one for one in others if one.kind != best.kind), others[0])
    p = by_name[rival.name]
    difference = f"the difference is {'' if p < SIGNIFICANT else 'not '}significant ({spelled_p(p)})"
    sentence = f"{best.phrase} is best: {own}; {rival.phrase} {rival.scores.mean():.2f}; {difference}"
    equals = [best, *(one for one in others if by_name[one.name] >= SIGNIFICANT)]
    fastest = min(equals, key=lambda one: one.milliseconds)
    if fastest.milliseconds <= _FASTER * best.milliseconds - _FASTER_BY_MS:
        sentence += (
            f". {fastest.phrase} ({fastest.scores.mean():.2f}) cannot be distinguished from it and is faster: "
            f"{fastest.milliseconds:.1f} ms in place of {best.milliseconds:.1f} ms"
        )
    return Verdict(best.name, by_name, sentence)


def spelled_p(p: float) -> str:
    return "p < 0.001" if p < 0.001 else f"p = {p:.2g}"
