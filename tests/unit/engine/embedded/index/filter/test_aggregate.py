from __future__ import annotations

import math
import statistics
from collections import Counter
from datetime import UTC, datetime
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from weft.domain import instants
from weft.domain.objects import Reference
from weft.engine.embedded.index.filter import aggregate, kinds
from weft.engine.embedded.index.filter.gathered import Gathered

INTS = st.integers(-(2**62), 2**62) | st.integers(-3, 3)
FLOATS = st.floats(-1e6, 1e6).map(lambda x: round(x, 3)) | st.sampled_from([0.5, 1.0, -2.25])


def ratio(total: int, count: int) -> float:
    """An int if it is whole, the nearest float64 otherwise."""
    exact = Fraction(total, count)
    return exact.numerator if exact.denominator == 1 else float(exact)


def smallest_mode(values: list[Any]) -> Any:
    return min(statistics.multimode(values))


@given(st.lists(INTS, min_size=1))
def test_integers_are_aggregated_exactly(values: list[int]) -> None:
    found = aggregate.numbers(np.array(values, np.int64))
    assert (found.count, found.sum, found.minimum, found.maximum) == (
        len(values),
        sum(values),
        min(values),
        max(values),
    )
    assert found.median == ratio(statistics.median_low(values) + statistics.median_high(values), 2)
    assert found.mode == smallest_mode(values)
    assert found.mean == ratio(sum(values), len(values))


@pytest.mark.parametrize("sign", [1, -1])
def test_integers_beyond_a_float64_keep_their_digits(sign: int) -> None:
    values = [sign * (2**62 + k) for k in (1, 3, 3)]
    found = aggregate.numbers(np.array(values * 4, np.int64))
    assert (found.sum, found.median, found.mode) == (4 * sum(values), values[1], values[1])
    assert found.mean == sum(values) / 3
    assert aggregate.numbers(np.array(values[:2], np.int64)).mean == sign * (2**62 + 2)


@pytest.mark.parametrize(
    ("values", "total", "mean", "median"),
    [
        ([1.5e308, 1.7e308], math.inf, 1.6e308, 1.6e308),
        ([-1.5e308, -1.7e308], -math.inf, -1.6e308, -1.6e308),
        ([1.5e308, 1.5e308, -1.5e308, -1.5e308], 0.0, 0.0, 0.0),
        ([1e308] * 3 + [-1e308] * 2, 1e308, 2e307, 1e308),
        ([-0.0, -0.0], 0.0, 0.0, 0.0),
    ],
)
def test_a_sum_that_overflows_leaves_the_other_figures(
    values: list[float], total: float, mean: float, median: float
) -> None:
    found = aggregate.numbers(np.array(values))
    assert (found.sum, found.mean, found.median) == pytest.approx((total, mean, median))
    assert (found.minimum, found.maximum) == (min(values), max(values))
    assert math.copysign(1, found.minimum or 0.0) == math.copysign(1, min(values) + 0)


@given(st.lists(FLOATS, min_size=1))
def test_numbers_agree_with_the_standard_library(values: list[float]) -> None:
    found = aggregate.numbers(np.array(values))
    assert found.median == statistics.median(values)
    assert found.mode == smallest_mode(values)
    assert found.mean == pytest.approx(statistics.fmean(values), rel=1e-12, abs=1e-9)
    assert (found.minimum, found.maximum) == (min(values), max(values))


def test_nothing_gives_only_a_count() -> None:
    nothing = np.zeros(0)
    assert aggregate.numbers(nothing) == aggregate.Numbers(0)
    assert aggregate.dates(nothing.astype(np.int64)) == aggregate.Dates(0)
    assert aggregate.booleans(nothing) == aggregate.Booleans(0)
    assert aggregate.texts([None, []]) == aggregate.Texts(0)
    assert aggregate.references([None, []]) == aggregate.ReferenceFigures(0)


@given(st.lists(st.datetimes(datetime(1, 1, 1), datetime(9999, 1, 1)), min_size=1))
def test_dates_agree_with_datetime(moments: list[datetime]) -> None:
    texts = [m.replace(tzinfo=UTC).isoformat().replace("+00:00", "Z") for m in moments]
    found = aggregate.dates(instants.parse_all(texts))

    def back(text: str | None) -> datetime:
        assert text is not None
        return datetime.fromisoformat(text).replace(tzinfo=None)

    assert (back(found.minimum), back(found.maximum)) == (min(moments), max(moments))
    assert back(found.mode) == smallest_mode(moments)
    ordered = sorted(moments)
    low, high = ordered[(len(ordered) - 1) // 2], ordered[len(ordered) // 2]
    assert abs((back(found.median) - (low + (high - low) / 2)).total_seconds()) < 2e-6


def test_booleans_are_counted_in_shares() -> None:
    assert aggregate.booleans(np.array([1, 0, 1, 1], np.int8)) == aggregate.Booleans(4, 3, 1, 0.75, 0.25)


@given(
    st.lists(st.none() | st.text("ab", max_size=2) | st.lists(st.text("ab", max_size=2), max_size=3)), st.integers(0, 4)
)
def test_top_occurrences_are_by_count_and_then_by_value(values: list[Any], limit: int) -> None:
    flat = [v for value in values for v in ([value] if isinstance(value, str) else value or [])]
    expected = sorted(Counter(flat).items(), key=lambda pair: (-pair[1], pair[0]))
    assert aggregate.texts(values, limit) == aggregate.Texts(len(flat), tuple(expected[:limit]))


def test_references_name_their_collections_once() -> None:
    refs = [[Reference("", b"1"), Reference("B", b"2")], None, [Reference("B", b"3")]]
    assert aggregate.references(refs, "A") == aggregate.ReferenceFigures(3, ("A", "B"))


@given(st.lists(st.lists(st.integers(0, 4), max_size=4), max_size=12), st.integers(0, 6))
def test_groups_hold_each_object_once(values: list[list[int]], limit: int) -> None:
    docs = np.arange(10, 10 + len(values), dtype=np.uint32)
    offsets = np.concatenate(([0], np.cumsum([len(v) for v in values]))).astype(np.int64)
    flat = np.array([e for v in values for e in v], np.int64)
    members: dict[int, list[int]] = {}
    for doc, elements in zip(docs.tolist(), values, strict=True):
        for element in sorted(set(elements)):
            members.setdefault(element, []).append(doc)
    expected = sorted(members.items(), key=lambda pair: (-len(pair[1]), pair[0]))[:limit]
    found = aggregate.groups(Gathered(kinds.INT, True, flat, offsets), docs, limit)
    assert [(g.value, g.doc_ids.tolist()) for g in found] == expected
    texts = [[str(e) for e in v] for v in values]
    assert [(int(g.value), g.doc_ids.tolist(), g.count) for g in aggregate.groups_of_texts(texts, docs, limit)] == [
        (value, ids, len(ids)) for value, ids in expected
    ]
