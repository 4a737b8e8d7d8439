"""Calls that other processes answer for a wire, through real channels and real processes."""

from __future__ import annotations

import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import grpc
import pytest

from unit.wire.grpc import spreading
from unit.wire.grpc.spreading import LIMITS, PATH
from weft.wire.grpc.conversation import Headers
from weft.wire.grpc.methods import Table
from weft.wire.grpc.wire import Address, Spreader
from weft.wire.grpc.wires import GRPCIO, installed, wire

pytestmark = pytest.mark.parametrize("name", [name for name in installed() if name != GRPCIO])
"""Those of the wires that can."""


def begin_worker(end: socket.socket) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, spreading.__file__, str(end.fileno())], pass_fds=[end.fileno()])


class Front:
    """A wire that answers ``PATH``, and workers of it. ``busy``: a call is in its own process until the block ends."""

    def __init__(self, name: str) -> None:
        self.held: list[bytes] = []
        self._entered, self._go = threading.Event(), threading.Event()
        table = Table({PATH: self._answer}, {}, {}, frozenset({PATH}))
        self._carrier = wire(name, table, Address("127.0.0.1", 0), LIMITS)
        self.port = self._carrier.start()
        assert self._carrier.spreader is not None
        self.spreader: Spreader = self._carrier.spreader
        self.workers: list[subprocess.Popen[bytes]] = []
        self.pool = ThreadPoolExecutor(32)
        self.channel = grpc.insecure_channel(f"127.0.0.1:{self.port}", [("grpc.max_receive_message_length", -1)])

    def _answer(self, message: bytes, headers: Headers) -> bytes:
        if message == b"busy":
            self._entered.set()
            assert self._go.wait(60)
        self.held.append(message)
        return b"here " + message

    def start_worker(self, most_calls: int = LIMITS.workers) -> subprocess.Popen[bytes]:
        here, there = socket.socketpair()
        with there:
            worker = begin_worker(there)
        self.workers.append(worker)
        self.spreader.spread(here.detach(), most_calls)
        return worker

    def ask(self, message: bytes, **options: object) -> bytes:
        method: grpc.UnaryUnaryMultiCallable[bytes, bytes] = self.channel.unary_unary(PATH)
        return method(message, **{"timeout": 60, **options})  # type: ignore[arg-type]

    def submit(self, message: bytes, **options: object) -> Future[bytes]:
        return self.pool.submit(self.ask, message, **options)

    @contextmanager
    def busy(self) -> Iterator[None]:
        """Calls of the block go to workers as long as these have fewer than two."""
        self._entered.clear()
        self._go.clear()
        call = self.submit(b"busy")
        assert self._entered.wait(60)
        yield
        self._go.set()
        assert call.result(60) == b"here busy"

    def close(self) -> None:
        self._go.set()
        self.channel.close()
        self.pool.shutdown()
        self._carrier.stop(1.0)
        for worker in self.workers:
            worker.kill()
            worker.wait()


@pytest.fixture
def front(name: str) -> Iterator[Front]:
    front = Front(name)
    yield front
    front.close()


def wait_for(condition: Callable[[], bool]) -> None:
    until = time.monotonic() + 120
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.002)


def test_a_call_alone_stays_in_place(front: Front) -> None:
    front.start_worker()
    assert front.ask(b"1") == b"here 1"
    with front.busy():
        assert front.ask(b"2") == b"there 2"


def test_one_busy_connection_uses_all_processes(front: Front) -> None:
    front.start_worker()
    front.start_worker()
    calls = [front.submit(b"%d" % number) for number in range(3_000)]
    answers = [call.result(60) for call in calls]
    assert [answer.partition(b" ")[2] for answer in answers] == [b"%d" % number for number in range(3_000)]
    assert {answer.partition(b" ")[0] for answer in answers} == {b"here", b"there"}


@pytest.mark.parametrize("size", [0, 1, 16_384, 16_385, 200_000, 6 << 20])
def test_messages_of_any_size_come_and_go_whole(front: Front, size: int) -> None:
    front.start_worker()
    message = bytes(range(256)) * (size // 256) + bytes(size % 256)
    with front.busy():
        assert front.ask(message) == b"there " + message
        calls = [front.submit(message) for _ in range(6)]
        assert {call.result(60).partition(b" ")[2] for call in calls} == {message}


def test_metadata_reaches_the_worker(front: Front) -> None:
    front.start_worker()
    with front.busy():
        assert front.ask(b"header x-key", metadata=(("x-key", "value"), ("some-bin", b"\0"))) == b"value"


def test_a_refusal_is_a_status_with_its_message(front: Front) -> None:
    front.start_worker()
    with front.busy():
        with pytest.raises(grpc.RpcError) as caught:
            front.ask(b"refuse")
        assert (caught.value.code(), caught.value.details()) == (grpc.StatusCode.RESOURCE_EXHAUSTED, "über")
    counted = [(method, status) for method, status, seconds in front.spreader.outcomes() if seconds > 0]
    assert counted == [("Read", "RESOURCE_EXHAUSTED")]
    assert front.spreader.outcomes() == []


@pytest.mark.parametrize("message", [b"pass 1", b"raise 1"])
def test_what_a_worker_passes_is_answered_here(front: Front, message: bytes) -> None:
    front.start_worker()
    with front.busy():
        assert front.ask(message) == b"here " + message
        assert front.ask(b"next") == b"there next"
    assert [method for method, _, _ in front.spreader.outcomes()] == ["Read"]


def test_what_a_worker_had_when_it_died_is_answered_here(front: Front, tmp_path: Path) -> None:
    worker = front.start_worker()
    with front.busy():
        held = front.submit(b"hold %s" % bytes(tmp_path))
        wait_for(lambda: any(tmp_path.iterdir()))
        assert front.ask(b"die") == b"here die"
        assert held.result(60) == b"here hold %s" % bytes(tmp_path)
        worker.wait(60)
        assert front.ask(b"next") == b"here next"
        front.start_worker()
        assert front.ask(b"last") == b"there last"


def test_a_call_that_takes_long_does_not_hold_up_others_of_its_worker(front: Front, tmp_path: Path) -> None:
    front.start_worker()
    with front.busy():
        held = front.submit(b"hold %s" % bytes(tmp_path))
        wait_for(lambda: any(tmp_path.iterdir()))
        assert [front.ask(b"quick") for _ in range(20)] == [b"there quick"] * 20
        (tmp_path / "go").touch()
        assert held.result(60) == b"there hold %s" % bytes(tmp_path)


def test_a_worker_has_no_more_calls_than_it_may(front: Front, tmp_path: Path) -> None:
    front.start_worker(1)
    with front.busy():
        held = front.submit(b"hold %s" % bytes(tmp_path))
        wait_for(lambda: any(tmp_path.iterdir()))
        assert front.ask(b"next") == b"here next"
        (tmp_path / "go").touch()
        assert held.result(60) == b"there hold %s" % bytes(tmp_path)


def test_a_client_that_gives_up_leaves_nothing_behind(front: Front, tmp_path: Path) -> None:
    front.start_worker()
    with front.busy():
        method: grpc.UnaryUnaryMultiCallable[bytes, bytes] = front.channel.unary_unary(PATH)
        call = method.future(b"hold %s" % bytes(tmp_path), timeout=60)
        wait_for(lambda: any(tmp_path.iterdir()))
        call.cancel()
        (tmp_path / "go").touch()
        assert front.spreader.recall(60)
        assert front.ask(b"next") == b"here next"


def test_a_recall_waits_for_what_workers_have(front: Front, tmp_path: Path) -> None:
    front.start_worker()
    with front.busy():
        held = front.submit(b"hold %s" % bytes(tmp_path))
        wait_for(lambda: any(tmp_path.iterdir()))
        assert not front.spreader.recall(0.0)
        assert front.ask(b"next") == b"here next"
        (tmp_path / "go").touch()
        assert front.spreader.recall(60)
        assert held.result(60) == b"there hold %s" % bytes(tmp_path)


def test_a_worker_that_sends_nonsense_is_left(front: Front) -> None:
    for nonsense in (bytes(64), b"\x04\0\0\0abcd", b"\x10\0\0\0" + bytes(8) + b"\x09\0\0\0" + bytes(4), b"\xff" * 64):
        here, there = socket.socketpair()
        with there:
            front.spreader.spread(here.detach(), 4)
            there.sendall(nonsense)
            with front.busy():
                assert front.ask(b"1") == b"here 1"
            there.settimeout(60)
            while there.recv(1000):
                pass


def test_a_worker_ends_with_its_front(front: Front) -> None:
    """Or with what it reads from it being nonsense."""
    here, there = socket.socketpair()
    with there:
        worker = begin_worker(there)
    here.sendall(b"\x07\0\0\0" + bytes(7))
    assert worker.wait(60) == 0
    here.close()


def test_workers_that_die_under_load_cost_no_call(front: Front) -> None:
    ended = threading.Event()

    def replace() -> None:
        while not ended.is_set():
            front.start_worker().wait(60)

    with ThreadPoolExecutor(2) as pool:
        replacing = [pool.submit(replace) for _ in range(2)]
        calls = [front.submit(b"die" if number % 150 == 0 else b"%d" % number) for number in range(3_000)]
        answers = [call.result(60).partition(b" ")[2] for call in calls]
        ended.set()
        for worker in front.workers:
            worker.kill()
        for one in replacing:
            one.result(60)
    assert answers == [b"die" if number % 150 == 0 else b"%d" % number for number in range(3_000)]


def test_a_worker_knows_how_long_the_client_waits(front: Front) -> None:
    front.start_worker()
    with front.busy():
        assert 20 < float(front.ask(b"patience", timeout=30)) < 40
        assert front.ask(b"patience", timeout=None) == b"None"


def test_a_worker_hears_of_clients_that_go(front: Front, tmp_path: Path) -> None:
    """However many calls it has."""
    front.start_worker(LIMITS.workers)
    method: grpc.UnaryUnaryMultiCallable[bytes, bytes] = front.channel.unary_unary(PATH)

    def seen(what: str) -> int:
        return len(list(tmp_path.glob(f"{what}-*")))

    calls = []
    with front.busy():
        for n in range(LIMITS.workers):
            calls.append(method.future(b"wait " + str(tmp_path).encode(), timeout=60))
            if n < 2:
                wait_for(lambda n=n: seen("entered") > n)  # type: ignore[misc] # mypy sees no default
        for call in calls:
            call.cancel()
        wait_for(lambda: seen("entered") > 0 and seen("gone") == seen("entered"))
