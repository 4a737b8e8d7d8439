"""Which calls are cut off whose message does not come."""

from __future__ import annotations

import threading
from functools import partial

from weft.wire.grpc.arrivals import Arrivals


def test_the_oldest_is_cut_off_for_the_next() -> None:
    cut: list[int] = []
    arrivals = Arrivals(2, 2, 60.0)
    numbers = [arrivals.expect(partial(cut.append, name)) for name in range(4)]
    assert cut == [0, 1]
    arrivals.arrived(numbers[2])
    arrivals.expect(lambda: cut.append(4))
    assert cut == [0, 1]


def test_calls_end_after_the_time_and_those_that_have_arrived_do_not() -> None:
    cut: list[int] = []
    over = threading.Event()
    arrivals = Arrivals(10, 10, 0.1)
    arrivals.start()
    arrivals.arrived(arrivals.expect(lambda: cut.append(0)))
    arrivals.expect(over.set)
    assert over.wait(20)
    assert cut == []
    arrivals.close()


def test_of_slow_ones_there_are_fewer() -> None:
    cut: list[int] = []
    over = threading.Event()

    def cutting(name: int) -> None:
        cut.append(name)
        if len(cut) == 2:
            over.set()

    arrivals = Arrivals(10, 2, 60.0)
    for name in range(4):
        arrivals.expect(partial(cutting, name))
    arrivals.start()
    assert over.wait(20)
    assert cut == [0, 1]
    arrivals.close()
