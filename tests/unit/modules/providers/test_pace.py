"""Calls pass no faster than their pace, whatever the minute they begin in."""

from __future__ import annotations

import random

import pytest

from weft.modules.providers.pace import Pace, PaceGate

NO_LIMIT = Pace()


def passed(gate: PaceGate, pace: Pace, costs: list[int]) -> list[tuple[float, int]]:
    """When each of ``costs`` passes, asked for one after the other as the gate says."""
    now, times = 0.0, []
    for cost in costs:
        while wait_s := gate.enter(pace, cost, now):
            now += wait_s
        times.append((now, cost))
    return times


@pytest.mark.parametrize("seed", range(5))
def test_no_minute_holds_more_than_the_pace_allows(seed: int) -> None:
    rng = random.Random(seed)
    pace = Pace(requests=rng.randrange(1, 20), tokens=rng.randrange(50, 200))
    times = passed(PaceGate(), pace, [rng.randrange(1, 50) for _ in range(100)])
    for begin, _ in times:
        minute = [cost for time, cost in times if begin <= time < begin + 60]
        assert len(minute) <= (pace.requests or 0), f"seed {seed}"
        assert sum(minute) <= (pace.tokens or 0), f"seed {seed}"


def test_a_call_above_the_limit_passes_alone() -> None:
    assert [time for time, _ in passed(PaceGate(), Pace(tokens=10), [5, 500, 5])] == [0.0, 60.0, 120.0]


def test_without_a_limit_nothing_waits_and_little_is_remembered() -> None:
    gate = PaceGate()
    for i in range(1000):
        assert gate.enter(NO_LIMIT, 10, float(i)) == 0
    assert len(gate._requests._passed) <= 61


def test_a_closed_gate_opens_for_all_at_its_time() -> None:
    gate = PaceGate()
    gate.close_until(30.0)
    gate.close_until(10.0)
    assert gate.enter(None, 1, 5.0) == 25.0
    assert gate.enter(NO_LIMIT, 1, 12.0) == 18.0
    assert gate.enter(None, 1, 30.0) == 0
