"""The queue of a model: order, urgency, limits, errors, the end. Synchronised by events, never by clocks."""

from __future__ import annotations

import os
import random
import sys
import threading
from collections.abc import Iterator, Sequence

import numpy as np
import pytest

from weft.domain.errors import Invalid, Overloaded, ProviderError, WeftError
from weft.domain.objects import Vector
from weft.modules.local.scheduler import Scheduler, Urgency


class Recorder:
    """An encoder whose vector of a text is its length; it notes every run, and holds each while ``gate`` is shut."""

    name = "recorder"
    parallel = True

    def __init__(self) -> None:
        self.niceness: dict[str, int] = {}
        self.runs: list[list[str]] = []
        self.gate = threading.Event()
        self.gate.set()
        self.entered = threading.Semaphore(0)
        self.closed = False

    def prepare(self, texts: Sequence[str]) -> list[str]:
        if any(text == "unreadable" for text in texts):
            raise ValueError("no such characters")
        if "slow to read" in texts:
            self.entered.release()
            assert self.gate.wait(30)
        return list(texts)

    def length(self, prepared: str) -> int:
        if prepared == "endless":
            raise ValueError("no end")
        return len(prepared)

    def encode(self, run: Sequence[str]) -> list[Vector]:
        self.runs.append(list(run))
        if sys.platform == "linux":
            self.niceness[run[0]] = os.getpriority(os.PRIO_PROCESS, threading.get_native_id())
        self.entered.release()
        assert self.gate.wait(30)
        if any(text == "poison" for text in run):
            raise RuntimeError("boom")
        return [np.array([len(text)], np.float32) for text in run]

    def close(self) -> None:
        self.closed = True


@pytest.fixture
def encoder() -> Iterator[Recorder]:
    recorder = Recorder()
    yield recorder
    recorder.gate.set()


def start(call: object, *args: object) -> tuple[threading.Thread, list[object]]:
    """Run ``call(*args)`` on a thread; what it gives or raises lands in the list."""
    outcome: list[object] = []

    def run() -> None:
        try:
            outcome.append(call(*args))  # type: ignore[operator]
        except WeftError as error:
            outcome.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    return thread, outcome


def until_waiting(scheduler: Scheduler[str], urgency: Urgency, count: int) -> None:
    """Return when ``count`` requests of that urgency stand in line."""
    for _ in range(100_000):
        with scheduler._changed:
            if len(scheduler._waiting[urgency]) == count:
                return
        threading.Event().wait(0.001)
    raise AssertionError("the request never stood in line")


def sizes(found: list[Vector | WeftError]) -> list[int]:
    return [int(one[0]) for one in found if not isinstance(one, WeftError)]


def test_results_come_in_the_order_given_and_runs_in_order_of_length(encoder: Recorder) -> None:
    scheduler = Scheduler(encoder, token_budget=8)
    assert sizes(scheduler.embed(["aaaa", "b", "cccccccccccc", "dd", "eeee"], Urgency.DOCUMENT)) == [4, 1, 12, 2, 4]
    assert encoder.runs == [["b", "dd"], ["aaaa", "eeee"], ["cccccccccccc"]]
    scheduler.close()


def test_a_gpu_runs_more_at_once(encoder: Recorder) -> None:
    texts = ["x" * 100] * 400
    for parallel, longest in ((True, 5), (False, 163)):
        encoder.parallel, encoder.runs = parallel, []
        scheduler = Scheduler(encoder)
        assert sizes(scheduler.embed(texts, Urgency.DOCUMENT)) == [100] * 400
        assert max(map(len, encoder.runs)) == longest
        scheduler.close()


def test_no_run_exceeds_the_budget_unless_it_is_one_text(encoder: Recorder) -> None:
    seed = random.randrange(2**32)
    print("seed", seed)
    chooser = random.Random(seed)
    texts = ["x" * chooser.randint(1, 60) for _ in range(300)]
    scheduler = Scheduler(encoder, workers=2, token_budget=50)
    assert sizes(scheduler.embed(texts, Urgency.DOCUMENT)) == [len(text) for text in texts]
    assert all(len(run) * max(map(len, run)) <= 50 or len(run) == 1 for run in encoder.runs)
    scheduler.close()


def test_a_query_waits_for_no_documents(encoder: Recorder) -> None:
    scheduler = Scheduler(encoder, token_budget=4)
    encoder.gate.clear()
    documents, _ = start(scheduler.embed, ["aaaa", "bbbb", "cccc"], Urgency.DOCUMENT)
    assert encoder.entered.acquire(timeout=30)
    query, _ = start(scheduler.embed, ["q"], Urgency.QUERY)
    assert encoder.entered.acquire(timeout=30), "the run of documents is still held"
    encoder.gate.set()
    for thread in (documents, query):
        thread.join(30)
    assert encoder.runs == [["aaaa"], ["q"], ["bbbb"], ["cccc"]]
    scheduler.close()


def test_a_query_waits_for_no_documents_that_are_prepared(encoder: Recorder) -> None:
    scheduler = Scheduler(encoder)
    encoder.gate.clear()
    documents, _ = start(scheduler.embed, ["slow to read"], Urgency.DOCUMENT)
    assert encoder.entered.acquire(timeout=30)
    query, _ = start(scheduler.embed, ["q"], Urgency.QUERY)
    assert encoder.entered.acquire(timeout=30), "the documents are still read"
    assert encoder.runs == [["q"]]
    encoder.gate.set()
    for thread in (documents, query):
        thread.join(30)
    scheduler.close()


@pytest.mark.skipif(sys.platform != "linux", reason="threads have no nice of their own")
def test_documents_are_nice_to_queries(encoder: Recorder) -> None:
    scheduler = Scheduler(encoder, workers=2)
    scheduler.embed(["d"], Urgency.DOCUMENT)
    scheduler.embed(["q"], Urgency.QUERY)
    assert encoder.niceness["d"] > encoder.niceness["q"] == os.getpriority(os.PRIO_PROCESS, 0)
    scheduler.close()


def test_documents_are_embedded_by_all_workers_at_once(encoder: Recorder) -> None:
    scheduler = Scheduler(encoder, workers=3, token_budget=1)
    encoder.gate.clear()
    thread, _ = start(scheduler.embed, ["a", "b", "c", "d"], Urgency.DOCUMENT)
    for _ in range(3):
        assert encoder.entered.acquire(timeout=30)
    encoder.gate.set()
    thread.join(30)
    scheduler.close()


def test_requests_take_turns(encoder: Recorder) -> None:
    scheduler = Scheduler(encoder, token_budget=4)
    encoder.gate.clear()
    large, _ = start(scheduler.embed, ["aaaa", "bbbb", "cccc"], Urgency.DOCUMENT)
    assert encoder.entered.acquire(timeout=30)
    small, _ = start(scheduler.embed, ["dddd"], Urgency.DOCUMENT)
    until_waiting(scheduler, Urgency.DOCUMENT, 2)
    encoder.gate.set()
    for thread in (large, small):
        thread.join(30)
    assert encoder.runs == [["aaaa"], ["bbbb"], ["dddd"], ["cccc"]]
    scheduler.close()


def test_an_error_stays_with_its_text(encoder: Recorder) -> None:
    scheduler = Scheduler(encoder, token_budget=100)
    found = scheduler.embed(["fine", "poison", "unreadable", "too"], Urgency.DOCUMENT)
    assert [type(one) for one in found] == [np.ndarray, ProviderError, Invalid, np.ndarray]
    assert sizes(found) == [4, 3]
    found = scheduler.embed(["endless"], Urgency.DOCUMENT)
    assert [type(one) for one in found] == [ProviderError]
    assert sizes(scheduler.embed(["next"], Urgency.DOCUMENT)) == [4]
    scheduler.close()


def test_a_full_queue_refuses_and_recovers(encoder: Recorder) -> None:
    scheduler = Scheduler(encoder, token_budget=4, queue_limit=3)
    encoder.gate.clear()
    thread, outcome = start(scheduler.embed, ["aaaa", "bbbb", "cccc", "dddd"], Urgency.DOCUMENT)
    assert encoder.entered.acquire(timeout=30)
    with pytest.raises(Overloaded, match="at most 3 may"):
        scheduler.embed(["e"], Urgency.DOCUMENT)
    encoder.gate.set()
    thread.join(30)
    assert len(outcome[0]) == 4  # type: ignore[arg-type]
    assert sizes(scheduler.embed(["e"], Urgency.DOCUMENT)) == [1]
    scheduler.close()


def test_closing_finishes_what_runs_and_refuses_what_waits(encoder: Recorder) -> None:
    scheduler = Scheduler(encoder, token_budget=4)
    encoder.gate.clear()
    begun, outcome = start(scheduler.embed, ["aaaa", "bbbb"], Urgency.DOCUMENT)
    assert encoder.entered.acquire(timeout=30)
    waiting, refused = start(scheduler.embed, ["cccc"], Urgency.DOCUMENT)
    until_waiting(scheduler, Urgency.DOCUMENT, 2)
    closing, _ = start(scheduler.close)
    until_waiting(scheduler, Urgency.DOCUMENT, 0)
    encoder.gate.set()
    for thread in (begun, waiting, closing):
        thread.join(30)
    first = outcome[0]
    assert isinstance(first, list)
    assert [type(one) for one in first] == [np.ndarray, Overloaded]
    assert isinstance(refused[0], list)
    assert isinstance(refused[0][0], Overloaded)
    assert encoder.closed
    with pytest.raises(Overloaded):
        scheduler.embed(["late"], Urgency.QUERY)


def test_no_texts_need_no_thread(encoder: Recorder) -> None:
    scheduler = Scheduler(encoder)
    assert scheduler.embed([], Urgency.DOCUMENT) == []
    assert encoder.runs == []
    scheduler.close()
