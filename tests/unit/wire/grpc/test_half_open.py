"""Calls whose message does not come, comes from no one known, or becomes far more than it was, over each wire."""

from __future__ import annotations

import queue
import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace

import grpc
import pytest

from unit.wire.grpc.test_wires import GREETING, PREFACE, ask, connected
from weft.wire.errors import Refusal, StatusCodes
from weft.wire.grpc.limits import Limits
from weft.wire.grpc.methods import Table
from weft.wire.grpc.wire import Address
from weft.wire.grpc.wires import GRPCIO, installed, wire

ECHO, LONG, OPEN = "/a.A/Echo", "/a.A/Long", "/a.A/Open"
LIMITS = Limits(message_bytes=1 << 20, workers=2)
KEY = (("authorization", "right"),)
UNKNOWN = Refusal(StatusCodes(401, "UNAUTHENTICATED", "UNAUTHENTICATED"), "unknown")


@contextmanager
def serving(name: str, limits: Limits = LIMITS) -> Iterator[int]:
    """``OPEN`` is for everyone, the others for those who have a key."""
    table = Table(
        {ECHO: lambda request, headers: request[:10], OPEN: lambda request, headers: request},
        {LONG: lambda request, headers: request[:10]},
        {},
        guarded=frozenset({ECHO, LONG}),
        admit=lambda path, headers: None if headers.get("authorization") == "right" else UNKNOWN,
    )
    carrier = wire(name, table, Address("127.0.0.1", 0), limits)
    try:
        yield carrier.start()
    finally:
        carrier.stop(1.0)


def own_connection(port: int) -> grpc.Channel:
    """A channel that shares no connection with others."""
    return grpc.insecure_channel(f"127.0.0.1:{port}", options=[("grpc.use_local_subchannel_pool", 1)])


class HalfOpen:
    """A call of ``path`` that sends nothing until the block ends."""

    def __init__(self, channel: grpc.Channel, path: str, **options: object) -> None:
        self._held: queue.Queue[bytes | None] = queue.Queue()
        method: grpc.StreamUnaryMultiCallable[bytes, bytes] = channel.stream_unary(path)
        self.call = method.future(iter(self._held.get, None), **{"timeout": 30, **options})  # type: ignore[arg-type]

    def __enter__(self) -> HalfOpen:
        return self

    def __exit__(self, *_: object) -> None:
        self._held.put(None)
        self.call.cancel()


@pytest.mark.parametrize("path", [ECHO, LONG, OPEN])
def test_calls_without_a_message_keep_no_one_waiting(wire_name: str, path: str) -> None:
    with serving(wire_name) as port, connected(port) as channel, ExitStack() as held:
        for _ in range(3):
            other = held.enter_context(own_connection(port))
            for _ in range(90):
                held.enter_context(HalfOpen(other, path, metadata=KEY))
        for known in (ECHO, LONG, OPEN):
            assert ask(channel, known, b"next", metadata=KEY, timeout=10) == b"next"


def test_beyond_so_many_the_oldest_is_cut_off(wire_name: str) -> None:
    with serving(wire_name, replace(LIMITS, arriving=3)) as port, connected(port) as channel, ExitStack() as held:
        calls = [held.enter_context(HalfOpen(channel, OPEN)) for _ in range(10)]
        ended = threading.Semaphore(0)
        for one in calls:
            one.call.add_done_callback(lambda _: ended.release())
        for _ in range(7):
            assert ended.acquire(timeout=20)
        assert sum(one.call.done() for one in calls) == 7
        assert ask(channel, OPEN, b"next") == b"next"


def test_a_message_that_does_not_come_in_time_ends_its_call(wire_name: str) -> None:
    with serving(wire_name, replace(LIMITS, message_timeout_s=0.1)) as port, connected(port) as channel:
        with HalfOpen(channel, OPEN) as half, pytest.raises(grpc.RpcError) as caught:
            half.call.result(20)
        assert caught.value.code() in (grpc.StatusCode.CANCELLED, grpc.StatusCode.DEADLINE_EXCEEDED)


@pytest.mark.parametrize("path", [ECHO, LONG])
def test_who_calls_is_looked_at_before_the_message_comes(wire_name: str, path: str) -> None:
    with serving(wire_name) as port, connected(port) as channel:
        with HalfOpen(channel, path) as half, pytest.raises(grpc.RpcError) as caught:
            half.call.result(20)
        assert caught.value.code() is grpc.StatusCode.UNAUTHENTICATED
        assert caught.value.details() == "unknown"


@pytest.mark.parametrize("compression", [grpc.Compression.Gzip, grpc.Compression.Deflate])
def test_what_decompresses_to_more_than_the_limit_is_refused(wire_name: str, compression: grpc.Compression) -> None:
    limits = replace(LIMITS, message_bytes=1 << 24)
    with serving(wire_name, limits) as port, connected(port) as channel:
        assert ask(channel, ECHO, bytes(1 << 24), metadata=KEY, compression=compression) == bytes(10)
        bomb = (1 << 24) + 1
        with pytest.raises(grpc.RpcError) as caught:
            ask(channel, ECHO, bytes(bomb), metadata=KEY, compression=compression)
        assert caught.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED


@pytest.mark.parametrize("name", [name for name in installed() if name != GRPCIO])
@pytest.mark.parametrize("greeting", [b"", PREFACE[:5], GREETING])
def test_connections_that_are_only_kept_open_give_way(name: str, greeting: bytes) -> None:
    """grpcio has no such choice: it refuses new ones until the old ones end, which it ends after a time."""
    with serving(name, replace(LIMITS, connections=4)) as port, ExitStack() as held:
        clients = []
        for _ in range(20):
            client = held.enter_context(socket.create_connection(("127.0.0.1", port), timeout=20))
            client.sendall(greeting)
            clients.append(client)
        with own_connection(port) as channel:
            assert ask(channel, OPEN, b"next") == b"next"
        for client in clients[:10]:
            with suppress(ConnectionResetError):
                while client.recv(1000):
                    pass


def test_connections_are_no_more_than_the_limit(wire_name: str) -> None:
    with serving(wire_name, replace(LIMITS, connections=2)) as port, ExitStack() as held:
        busy = [held.enter_context(own_connection(port)) for _ in range(2)]
        calls = [held.enter_context(HalfOpen(channel, OPEN)) for channel in busy]
        for channel in busy:
            assert ask(channel, OPEN, b"1") == b"1"
        with own_connection(port) as channel, pytest.raises(grpc.RpcError) as caught:
            ask(channel, OPEN, b"next", timeout=2)
        assert caught.value.code() in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED)
        assert not any(one.call.done() for one in calls)
