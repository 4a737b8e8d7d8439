"""Ranges of a column, beside numpy: over rows that are sorted, those behind them, and doc_ids with and without gaps."""

from __future__ import annotations

import numpy as np
import pytest
from pyroaring import BitMap

from weft.engine.embedded.index.filter.column import Column
from weft.engine.embedded.index.filter.kinds import INT, NUMBER


@pytest.mark.parametrize("count", [300, 5_000, 65_536, 70_000])
@pytest.mark.parametrize("first", [0, 70_001])
@pytest.mark.parametrize("gaps", [False, True])
def test_ranges(count: int, first: int, gaps: bool) -> None:
    rng = np.random.default_rng(count + first)
    kind = NUMBER if gaps else INT
    docs = (first + np.arange(count + 200)).astype(np.uint32)
    if gaps:
        docs = docs[rng.random(len(docs)) < 0.9]
    values = rng.integers(-50, 50, len(docs)).astype(kind.dtype)
    column = Column(kind, False)
    for part in (slice(0, count // 2), slice(count // 2, -200), slice(-200, None)):
        column.append(docs[part], values[part])
        seen = len(column.view.docs)
        for low, high in ((None, None), (-50, 49), (None, 3), (0, None), (-10, 10), (7, 7), (9, -9), (-400, 400)):
            for include_low, include_high in ((True, True), (False, True), (True, False), (False, False)):
                expected = np.ones(seen, np.bool_)
                if low is not None:
                    expected &= values[:seen] >= low if include_low else values[:seen] > low
                if high is not None:
                    expected &= values[:seen] <= high if include_high else values[:seen] < high
                found = column.view.between(low, high, include_low, include_high)
                assert found == BitMap(docs[:seen][expected].tolist())


@pytest.mark.parametrize("gap", [0, 1])
def test_an_earlier_view_uses_what_a_later_one_has_sorted(gap: int) -> None:
    values = np.random.default_rng(gap).integers(0, 1000, 20_000)
    docs = np.arange(20_000, dtype=np.uint32)
    docs[12_000:] += gap
    column = Column(INT, False)
    column.append(docs[:9_000], values[:9_000])
    earlier = column.view
    column.append(docs[9_000:], values[9_000:])
    column.view.between(100, 800, True, True)
    found = earlier.between(100, 800, True, True) & BitMap(range(9_000))
    assert found == BitMap(np.flatnonzero((values[:9_000] >= 100) & (values[:9_000] <= 800)).tolist())
