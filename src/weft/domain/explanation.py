"""Explanations of scores: what a hit's score is made of, as numbers that add up to it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class ScorePart:
    """``score`` is the sum of the scores of ``parts``, if there are any, up to the rounding of float32.

    ``name`` says what it is (``hybrid``, ``keyword``, a word), ``words`` how it was computed, and ``facts`` from which
    numbers and names.
    """

    name: str
    score: float
    words: str
    facts: Mapping[str, float | str] = field(default_factory=dict)
    parts: tuple[ScorePart, ...] = ()


@dataclass(frozen=True, slots=True)
class HitExplanation:
    """``rank``: the place of the object among the hits, from 1. ``distance``: None for what is found by words alone."""

    rank: int
    score: float | None
    distance: float | None
    part: ScorePart
