"""Line: callers take turns, urgent requests come first, and all that wait when it closes are refused."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence

import pytest

from weft.domain.errors import Overloaded
from weft.modules.media.line import Line


def order_of(line: Line, waiting: Sequence[tuple[str, bool]]) -> list[str]:
    """In which order they are served, one after the other, who come in this one while another is served."""
    served: list[str] = []

    def ask(holder: str, urgent: bool) -> None:
        line.enter(holder, urgent=urgent)
        served.append(holder)
        line.leave(holder)

    line.enter("first", urgent=False)
    threads = []
    for number, (holder, urgent) in enumerate(waiting, 1):
        threads.append(threading.Thread(target=ask, args=(holder, urgent)))
        threads[-1].start()
        while len(line._waiting) < number:
            time.sleep(0.001)
    line.leave("first")
    for thread in threads:
        thread.join()
    return served


def test_callers_take_turns() -> None:
    line = Line(1)
    assert order_of(line, [("a", False)] * 4 + [("b", False)] * 2) == ["a", "b", "a", "b", "a", "a"]
    assert not line._served and not line._last


def test_urgent_requests_come_first_and_take_turns_too() -> None:
    waiting = [("a", False), ("b", True), ("b", True), ("c", True)]
    assert order_of(Line(1), waiting) == ["b", "c", "b", "a"]


def test_who_has_fewer_places_comes_first() -> None:
    line = Line(2)
    line.enter("a", urgent=False)
    assert order_of(line, [("a", False), ("b", False)]) == ["b", "a"]


def test_a_closed_line_refuses_those_that_wait_or_come() -> None:
    line, refused = Line(1), threading.Event()
    line.enter("a", urgent=False)

    def wait() -> None:
        try:
            line.enter("b", urgent=True)
        except Overloaded:
            refused.set()

    thread = threading.Thread(target=wait)
    thread.start()
    line.close()
    thread.join()
    assert refused.is_set()
    with pytest.raises(Overloaded, match="stopping"):
        line.enter("a", urgent=False)
