"""How many processes answer searches, what is handed to a worker, and what is said where there cannot be several."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from weft.config import load_settings
from weft.domain.errors import Misconfigured
from weft.files import reader_table
from weft.wire.grpc.wire import Outcome
from weft.workers import MOST_PROCESSES, Workers, packed, processes, unpacked


class Alone:
    """A spreader that no worker ever reaches."""

    def __init__(self) -> None:
        self.answered: list[Outcome] = []

    def spread(self, fd: int, most_calls: int) -> None:
        raise AssertionError("there is no worker")

    def recall(self, timeout_s: float) -> bool:
        return True

    def outcomes(self) -> list[Outcome]:
        found, self.answered = self.answered, []
        return found


def test_one_process_needs_nothing() -> None:
    assert processes(load_settings({}, {}), None) == 1


def test_several_are_as_many_as_asked_for_or_one_for_each_core() -> None:
    assert processes(load_settings({}, {"WEFT_WORKERS": "5"}), Alone()) == 5
    assert 1 <= processes(load_settings({"workers": 0}, {}), Alone()) <= 8


@pytest.mark.parametrize("given", [{}, {"engine": "other"}])
def test_several_are_refused_where_they_cannot_be_and_not_chosen(given: dict[str, str]) -> None:
    spreader = Alone() if given else None
    with pytest.raises(Misconfigured, match=r"2 processes \(WEFT_WORKERS\) need .*; or start with --workers 1"):
        processes(load_settings({"workers": 2, **given}, {}), spreader)
    assert processes(load_settings({"workers": 0, **given}, {}), spreader) == 1


def test_more_than_can_read_a_file_are_refused() -> None:
    assert processes(load_settings({"workers": 64}, {}), Alone()) == 64
    with pytest.raises(Misconfigured, match=r"up to 64 processes \(WEFT_WORKERS\), not 65"):
        processes(load_settings({"workers": 65}, {}), Alone())
    places = reader_table.MOST_OF_ONE_PROCESS + MOST_PROCESSES * reader_table.MOST_OF_A_FOLLOWER
    assert places < reader_table.MAX_READERS - 8, "there is room for copies, and for reads of earlier commits"


def test_fewer_than_none_are_refused() -> None:
    with pytest.raises(Misconfigured, match="workers must be at least 0"):
        load_settings({"workers": -1}, {})


def test_settings_reach_a_worker_whole(tmp_path: Path) -> None:
    keys = {"apikey_enabled": True, "apikey_allowed_keys": ("secret",), "apikey_users": ("ada",)}
    settings = load_settings({"data_path": tmp_path, **keys}, {})
    here, there = socket.socketpair()
    with here, there:
        here.sendall(packed(settings))
        assert unpacked(there) == settings


def test_what_workers_answered_is_observed_once() -> None:
    seen: list[tuple[str, str, str, float]] = []
    spreader = Alone()
    workers = Workers(load_settings({}, {}), spreader, 0, lambda *one: seen.append(one))
    spreader.answered = [("Search", "OK", 0.5), ("Search", "NOT_FOUND", 0.25)]
    workers.start()
    workers.report()
    workers.stop()
    assert seen == [("grpc", "Search", "OK", 0.5), ("grpc", "Search", "NOT_FOUND", 0.25)]
