"""Aggregations over values: pure functions, used on the columns of the objects that a query selects.

Medians of an even count are the mean of the middle two; of several most frequent values the mode is the smallest;
groups and occurrences are ordered by count (greatest first) and then by value.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from weft.domain import instants
from weft.domain.deadline import checked
from weft.domain.objects import Reference
from weft.engine.embedded.index.filter.bitmaps import Ids
from weft.engine.embedded.index.filter.gathered import Gathered
from weft.engine.embedded.index.filter.kinds import Array

TOP_OCCURRENCES = 5
GROUPS = 100
_AT_ONCE = 4096
"""How many values are counted between two looks at the deadline."""
_HEADROOM = 64
"""Bits: fewer than 2**64 values divided by 2**64 have a sum that is a float64."""


@dataclass(frozen=True, slots=True)
class Numbers:
    """All but ``count`` are None when there is nothing to aggregate. Of integers, those that are whole are exact."""

    count: int
    mean: float | None = None
    median: float | None = None
    mode: float | None = None
    sum: float | None = None
    minimum: float | None = None
    maximum: float | None = None


@dataclass(frozen=True, slots=True)
class Booleans:
    count: int
    total_true: int = 0
    total_false: int = 0
    percentage_true: float | None = None
    percentage_false: float | None = None


@dataclass(frozen=True, slots=True)
class Dates:
    """RFC 3339 in UTC; all but ``count`` are None when there is nothing to aggregate."""

    count: int
    median: str | None = None
    mode: str | None = None
    minimum: str | None = None
    maximum: str | None = None


@dataclass(frozen=True, slots=True)
class Texts:
    """``top``: the most frequent values, each with how often it occurs."""

    count: int
    top: tuple[tuple[str, int], ...] = ()


@dataclass(frozen=True, slots=True)
class ReferenceFigures:
    """``pointing_to``: the collections that are pointed to, sorted."""

    count: int
    pointing_to: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ValueGroup:
    """The objects that share a value, with ascending ``doc_ids (n,)``."""

    value: Any
    doc_ids: Ids

    @property
    def count(self) -> int:
        return len(self.doc_ids)


def numbers(values: Array) -> Numbers:
    """Over ``values (n,)``, int64 or float64, every element of an array counted."""
    if len(values) == 0:
        return Numbers(0)
    ordered = np.sort(values)
    total, mean = _sum_and_mean(ordered)
    middle = ordered[(len(ordered) - 1) // 2 : len(ordered) // 2 + 1]
    return Numbers(
        count=len(ordered),
        mean=mean,
        median=_sum_and_mean(middle)[1],
        mode=_mode(ordered).item() + 0,  # which makes 0.0 of -0.0
        sum=total,
        minimum=ordered[0].item() + 0,
        maximum=ordered[-1].item() + 0,
    )


def dates(codes: npt.NDArray[np.int64]) -> Dates:
    """Over the codes ``(n,)`` of instants, to the precision of a code."""
    if len(codes) == 0:
        return Dates(0)
    ordered = np.sort(codes)
    low = instants.to_ns(int(ordered[(len(ordered) - 1) // 2]))
    high = instants.to_ns(int(ordered[len(ordered) // 2]))
    return Dates(
        count=len(ordered),
        median=instants.to_text(low + (high - low) // 2),
        mode=instants.to_text(instants.to_ns(int(_mode(ordered)))),
        minimum=instants.to_text(instants.to_ns(int(ordered[0]))),
        maximum=instants.to_text(instants.to_ns(int(ordered[-1]))),
    )


def exact_dates(texts: Sequence[Any]) -> Dates:
    """As ``dates``, over one value for each object, an RFC 3339 text, a list of them, or None: to the nanosecond."""
    ordered = sorted(instants.nanoseconds(text) for text in _elements(texts))
    if not ordered:
        return Dates(0)
    low, high = ordered[(len(ordered) - 1) // 2], ordered[len(ordered) // 2]
    return Dates(
        count=len(ordered),
        median=instants.to_text(low + (high - low) // 2),
        mode=instants.to_text(Counter(ordered).most_common(1)[0][0]),  # the first, of several: the smallest
        minimum=instants.to_text(ordered[0]),
        maximum=instants.to_text(ordered[-1]),
    )


def booleans(values: Array) -> Booleans:
    """Over ``values (n,)`` of bool or int8."""
    count, true = len(values), int(np.count_nonzero(values))
    if count == 0:
        return Booleans(0)
    return Booleans(count, true, count - true, true / count, (count - true) / count)


def texts(values: Sequence[Any], limit: int = TOP_OCCURRENCES) -> Texts:
    """Over one value for each object: a text, a list of texts, or None. ``limit`` 0 gives the count alone."""
    occurrences = Counter(_elements(values))
    top = sorted(occurrences.items(), key=lambda pair: (-pair[1], pair[0]))[: max(0, limit)]
    return Texts(sum(occurrences.values()), tuple(top))


def references(values: Iterable[Sequence[Reference] | None], only_target: str = "") -> ReferenceFigures:
    """Over the references of each object; those that name no collection point to ``only_target``."""
    targets = [r.collection or only_target for refs in values for r in refs or ()]
    return ReferenceFigures(len(targets), tuple(sorted(set(targets))))


def groups(gathered: Gathered, doc_ids: Ids, limit: int = GROUPS) -> list[ValueGroup]:
    """The ``limit`` greatest groups of ``doc_ids (n,)`` by the values gathered for them.

    Every element of an array puts the object into a group, the same element only once; objects without a value are in
    none.
    """
    docs = np.repeat(doc_ids, np.diff(gathered.offsets))
    if len(docs) == 0:
        return []
    distinct, number = np.unique(gathered.values, return_inverse=True)
    order = np.lexsort((docs, number))
    number, docs = number[order], docs[order]
    first = np.ones(len(docs), np.bool_)
    first[1:] = (number[1:] != number[:-1]) | (docs[1:] != docs[:-1])
    number, docs = number[first], docs[first]
    counts = np.bincount(number, minlength=len(distinct))
    ends = np.cumsum(counts)
    chosen = np.lexsort((np.arange(len(counts)), -counts))[: max(0, limit)]
    if distinct.dtype.kind == "f":
        distinct = distinct + 0.0  # one of the equal 0.0 and -0.0
    names = gathered.kind.decode(distinct[chosen])
    return [
        ValueGroup(name, docs[ends[i] - counts[i] : ends[i]]) for name, i in zip(names, chosen.tolist(), strict=True)
    ]


def groups_of_texts(values: Sequence[Any], doc_ids: Ids, limit: int = GROUPS) -> list[ValueGroup]:
    """As ``groups``, for values that were read: a text, a list of texts, or None for each of ``doc_ids (n,)``."""
    members: dict[str, list[int]] = {}
    for doc_id, value in checked(sorted(zip(doc_ids.tolist(), values, strict=True), key=lambda p: p[0]), _AT_ONCE):
        for element in {value} if isinstance(value, str) else set(value or ()):
            members.setdefault(element, []).append(doc_id)
    chosen = sorted(members.items(), key=lambda pair: (-len(pair[1]), pair[0]))[: max(0, limit)]
    return [ValueGroup(value, np.array(ids, np.uint32)) for value, ids in chosen]


def _elements(values: Sequence[Any]) -> Iterable[str]:
    for value in checked(values, _AT_ONCE):
        if isinstance(value, str):
            yield value
        else:
            yield from value or ()


def _mode(ordered: Array) -> Any:
    """The most frequent of ascending values, the smallest of several."""
    starts = np.flatnonzero(np.concatenate(([True], ordered[1:] != ordered[:-1])))
    counts = np.diff(np.append(starts, len(ordered)))
    return ordered[starts[np.argmax(counts)]]


def _sum_and_mean(values: Array) -> tuple[Any, Any]:
    """The sum and the mean of values that there are, as Python numbers.

    The sum of int64 is taken in two halves, so that it is exact; the mean is an int if it is whole. A sum of float64
    may lie beyond them; their mean does not.
    """
    if values.dtype.kind != "i":
        with np.errstate(over="ignore", invalid="ignore"):
            total = float(values.sum())
        return (total, total / len(values)) if math.isfinite(total) else _scaled(values)
    high, low = values >> 32, values & 0xFFFF_FFFF
    exact = (int(high.sum()) << 32) + int(low.sum())
    whole, rest = divmod(exact, len(values))
    return exact, exact / len(values) if rest else whole


def _scaled(values: Array) -> tuple[float, float]:
    """As ``_sum_and_mean``, of float64 whose sum, or a part of it, overflows."""
    total = math.fsum(np.ldexp(values, -_HEADROOM).tolist())
    mean = math.ldexp(total / len(values), _HEADROOM)
    try:
        return math.ldexp(total, _HEADROOM), mean
    except OverflowError:
        return math.copysign(math.inf, total), mean
