"""Semantic paths: by way of which words a query leads to an object."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from weft.domain.objects import Vector

_WIDTH = 10
"""How many of the nearest words each step looks at."""


@dataclass(frozen=True, slots=True)
class PathElement:
    """A word on the way, with its cosine distances."""

    concept: str
    to_query: float
    to_result: float
    to_previous: float | None = None
    to_next: float | None = None


def path(query: Vector, result: Vector, words: Mapping[str, Vector]) -> list[PathElement]:
    """From ``query (d,)`` to ``result (d,)``: each step goes to the nearest of ``words`` that is nearer to the result
    than the last one."""
    names = list(words)
    vectors = np.stack([_unit(words[name]) for name in names]) if names else np.zeros((0, len(query)))
    start, end = _unit(query), _unit(result)
    to_result = 1 - vectors @ end
    steps: list[int] = []
    current, least = start, np.inf
    while True:
        near = np.argsort(1 - vectors @ current, kind="stable")[:_WIDTH]
        nearer = [int(one) for one in near if to_result[one] < least]
        if not nearer:
            return _elements(names, vectors, start, to_result, steps)
        steps.append(nearer[0])
        current, least = vectors[nearer[0]], to_result[nearer[0]]


def _elements(
    names: Sequence[str],
    vectors: npt.NDArray[np.float64],
    start: npt.NDArray[np.float64],
    to_result: npt.NDArray[np.float64],
    steps: Sequence[int],
) -> list[PathElement]:
    between = [float(1 - vectors[one] @ vectors[other]) for one, other in pairwise(steps)]
    return [
        PathElement(
            names[step],
            float(1 - vectors[step] @ start),
            float(to_result[step]),
            between[place - 1] if place else None,
            between[place] if place < len(between) else None,
        )
        for place, step in enumerate(steps)
    ]


def _unit(vector: Vector) -> npt.NDArray[np.float64]:
    return vector.astype(np.float64) / (np.linalg.norm(vector) or 1)
