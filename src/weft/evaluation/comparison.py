"""Two ways to search beside each other: the difference of their means, and which queries each of them won."""

from __future__ import annotations

from dataclasses import dataclass

from weft.evaluation.measures import Scores
from weft.evaluation.significance import SIGNIFICANT, Interval, interval, paired_p_value


@dataclass(frozen=True, slots=True)
class Comparison:
    """Of the same queries: ``difference`` is the first's mean minus the second's. ``won``, ``lost``: the places of the
    queries of which the first one's score is greater, smaller; those of the greatest difference first."""

    difference: Interval
    p_value: float
    won: tuple[int, ...]
    lost: tuple[int, ...]

    @property
    def is_significant(self) -> bool:
        return self.p_value < SIGNIFICANT


def compare(first: Scores, second: Scores) -> Comparison:
    """``first (Q,)`` and ``second (Q,)``: one measure of the same queries, at least one."""
    differences = first - second
    by_size = sorted(range(len(differences)), key=lambda i: (-abs(differences[i]), i))
    return Comparison(
        interval(differences),
        paired_p_value(first, second),
        tuple(i for i in by_size if differences[i] > 0),
        tuple(i for i in by_size if differences[i] < 0),
    )
