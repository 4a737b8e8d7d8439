"""Deadlines: what ends work, and what is finished all the same."""

from __future__ import annotations

import pytest

from weft.domain.deadline import (
    Deadline,
    calling,
    check,
    checked,
    client_of_call,
    remaining_s,
    unbounded,
    within,
)
from weft.domain.errors import CallerGone, DeadlinePassed

NO_TIME = 1e-9


class Client:
    def __init__(self, remaining_s: float | None = None, *, gone: bool = False) -> None:
        self._remaining_s = remaining_s
        self._gone = gone

    def remaining_s(self) -> float | None:
        return self._remaining_s

    def is_gone(self) -> bool:
        return self._gone


def test_nothing_ends_without_a_deadline() -> None:
    check()
    assert remaining_s() is None
    assert list(checked(range(3))) == [0, 1, 2]


def test_the_time_of_the_server_ends_work_and_names_its_setting() -> None:
    with (
        within(Deadline(NO_TIME, Client())),
        pytest.raises(DeadlinePassed, match=r"longer than 1e-09 s.*QUERY_TIMEOUT"),
    ):
        check()
    check()


def test_the_time_of_the_client_ends_work_sooner() -> None:
    with within(Deadline(3600, Client(0.0))), pytest.raises(DeadlinePassed, match="the deadline of the call passed"):
        check()


def test_a_client_that_has_gone_ends_work() -> None:
    with pytest.raises(CallerGone):
        Deadline(0, Client(gone=True)).look()
    Deadline(0, Client()).look()


def test_the_client_is_not_asked_at_every_check() -> None:
    with within(Deadline(0, Client(gone=True))):
        check()


@pytest.mark.parametrize(
    ("seconds", "patience_s", "most"), [(0, None, None), (100, None, 100), (0, 50, 50), (100, 50, 50), (30, 50, 30)]
)
def test_how_long_work_may_still_take(seconds: float, patience_s: float | None, most: float | None) -> None:
    with within(Deadline(seconds, Client(patience_s))):
        left = remaining_s()
    assert (left is None) == (most is None)
    if left is not None and most is not None:
        assert most - 20 < left <= most


def test_what_is_unbounded_is_finished_but_does_not_begin_late() -> None:
    with within(Deadline(3600, None)), unbounded():
        assert remaining_s() is None
        check()
    with within(Deadline(NO_TIME, None)):
        with pytest.raises(DeadlinePassed):
            unbounded()
        with within(None):
            check()


def test_a_loop_is_checked_between_its_steps() -> None:
    with within(Deadline(NO_TIME, None)):
        steps = checked(range(3))
        with pytest.raises(DeadlinePassed):
            next(steps)


def test_the_client_of_a_call_is_known_while_it_is_answered() -> None:
    client = Client()
    with calling(client):
        assert client_of_call() is client
    assert client_of_call() is None
