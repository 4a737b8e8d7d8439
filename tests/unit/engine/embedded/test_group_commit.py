"""Group commit: callers that wait share a commit, keep their order, and get their own outcomes."""

from __future__ import annotations

import threading

import pytest

from weft.domain.errors import Overloaded, StorageFull
from weft.engine.changes import Change, Done, Outcome, Remove
from weft.engine.embedded.group_commit import GroupCommit


def removes(*ids: int) -> list[Change]:
    return [Remove(bytes(15) + bytes([i])) for i in ids]


class Store:
    """Writes what it is given, one call at a time; ``gate`` holds a call back."""

    def __init__(self) -> None:
        self.calls: list[list[int]] = []
        self.gate = threading.Event()
        self.gate.set()
        self.entered = threading.Event()
        self.busy = threading.Lock()

    def write(self, changes: list[Change]) -> list[Outcome]:
        assert self.busy.acquire(blocking=False), "one writer at a time"
        try:
            self.entered.set()
            assert self.gate.wait(30)
            ids = [c.uuid[-1] for c in changes if isinstance(c, Remove)]
            self.calls.append(ids)
            return [Done(i > 100) for i in ids]
        finally:
            self.busy.release()


def test_outcomes_come_back_in_order() -> None:
    store = Store()
    commits = GroupCommit[Change](limit=100)
    assert commits.submit(removes(1, 2, 3), store.write) == [Done(False)] * 3
    assert commits.submit([], store.write) == []
    assert store.calls == [[1, 2, 3]]


def test_those_who_wait_are_written_together() -> None:
    store = Store()
    commits = GroupCommit[Change](limit=100)
    results: dict[int, list[Outcome]] = {}

    def submit(i: int) -> None:
        results[i] = commits.submit(removes(i, i + 100), store.write)

    store.gate.clear()
    first = threading.Thread(target=submit, args=(1,))
    first.start()
    assert store.entered.wait(30)
    others = [threading.Thread(target=submit, args=(i,)) for i in range(2, 8)]
    for other in others:
        other.start()
    while commits._waiting < 12:
        pass
    store.gate.set()
    for thread in (first, *others):
        thread.join(30)
    assert store.calls[0] == [1, 101]
    assert len(store.calls) == 2, "six waiting jobs, one commit"
    assert results == {i: [Done(False), Done(True)] for i in range(1, 8)}


def test_who_holds_the_turn_can_be_written_before_all_that_wait() -> None:
    store = Store()
    commits = GroupCommit[Change](limit=3)
    with commits.turn:
        other = threading.Thread(target=lambda: commits.submit(removes(1, 2, 3), store.write))
        other.start()
        while commits._waiting < 3:
            pass
        assert commits.submit(removes(104), store.write, first=True) == [Done(True)]
    other.join(30)
    assert [one for call in store.calls for one in call] == [104, 1, 2, 3]


def test_a_failure_reaches_each_caller_and_the_next_commit_works() -> None:
    calls = 0

    def write(changes: list[Change]) -> list[Outcome]:
        nonlocal calls
        calls += 1
        if calls == 1:
            raise StorageFull("no space is left")
        return [Done(False)] * len(changes)

    commits = GroupCommit[Change](limit=10)
    with pytest.raises(StorageFull):
        commits.submit(removes(1), write)
    assert commits.submit(removes(1), write) == [Done(False)]


def test_too_many_waiting_are_refused() -> None:
    store = Store()
    commits = GroupCommit[Change](limit=3)
    store.gate.clear()
    writer = threading.Thread(target=commits.submit, args=(removes(1), store.write))
    writer.start()
    assert store.entered.wait(30)
    waiter = threading.Thread(target=commits.submit, args=(removes(2, 3, 4), store.write))
    waiter.start()
    while commits._waiting < 3:
        pass
    with pytest.raises(Overloaded, match="3 objects are waiting"):
        commits.submit(removes(5), store.write)
    store.gate.set()
    writer.join(30)
    waiter.join(30)
    assert store.calls == [[1], [2, 3, 4]]
