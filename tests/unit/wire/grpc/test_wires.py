"""Each wire that is installed, carrying the calls of a table of functions, through real channels."""

from __future__ import annotations

import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path

import grpc
import pytest

from weft.domain.caller import PEER
from weft.domain.errors import Misconfigured
from weft.wire.errors import Refusal, StatusCodes
from weft.wire.grpc.conversation import ClientLink, Headers
from weft.wire.grpc.limits import Limits
from weft.wire.grpc.methods import Table
from weft.wire.grpc.stream import ClientGone
from weft.wire.grpc.wire import Address
from weft.wire.grpc.wires import AUTO, FRONT, GRPCIO, chosen, installed, wire

ECHO, LONG, TALK = "/a.A/Echo", "/a.A/Long", "/a.A/Talk"
BUSY = Refusal(StatusCodes(503, "RESOURCE_EXHAUSTED", "OVERLOADED"), "über")
LIMITS = Limits(message_bytes=1 << 20, workers=2)
EXITS = """
import sys, threading, time
import grpc
from weft.wire.grpc.limits import Limits
from weft.wire.grpc.methods import Table
from weft.wire.grpc.wire import Address
from weft.wire.grpc.wires import wire

entered = threading.Semaphore(0)

def endless(request, headers):
    entered.release()
    while True:
        time.sleep(0.0001)

carrier = wire(sys.argv[1], Table({"/a.A/Short": endless}, {"/a.A/Long": endless}, {}), Address("127.0.0.1", 0),
               Limits(message_bytes=1000, workers=2))
channel = grpc.insecure_channel(f"127.0.0.1:{carrier.start()}")
calls = [channel.unary_unary(path).future(b"") for path in ("/a.A/Short", "/a.A/Long")]
for _ in calls:
    assert entered.acquire(timeout=20)
carrier.stop(0.1)
print("stopped")
"""


def frame(kind: int, flags: int, payload: bytes, stream: int = 0) -> bytes:
    """One frame of HTTP/2."""
    return len(payload).to_bytes(3, "big") + bytes([kind, flags]) + stream.to_bytes(4, "big") + payload


def text(value: str) -> bytes:
    """As a literal of a header."""
    return bytes([len(value)]) + value.encode()


def asking(stream: int) -> bytes:
    """A call of ``ECHO`` with an empty message."""
    headers = {":method": "POST", ":scheme": "http", ":path": ECHO, "content-type": "application/grpc"}
    block = b"".join(
        b"\0" + bytes([len(key)]) + key.encode() + bytes([len(value)]) + value.encode()
        for key, value in headers.items()
    )
    return frame(1, 4, block, stream) + frame(0, 1, bytes(5), stream)


PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
"""How a client of HTTP/2 begins."""
GREETING = PREFACE + frame(4, 0, b"")
"""And settings that change nothing."""
NO_WINDOW = PREFACE + frame(4, 0, b"\0\x04\0\0\0\0")
"""And settings by which nothing may be sent to it."""


def echo(request: bytes, headers: Headers) -> bytes | Refusal:
    return request


def talk(requests: Iterator[bytes], link: ClientLink) -> Iterator[bytes]:
    yield from requests


@contextmanager
def serving(
    name: str,
    short: Callable[[bytes, Headers], bytes | Refusal] = echo,
    long: Callable[[bytes, Headers], bytes | Refusal] = echo,
    stream: Callable[[Iterator[bytes], ClientLink], Iterator[bytes]] = talk,
    limits: Limits = LIMITS,
) -> Iterator[int]:
    carrier = wire(name, Table({ECHO: short}, {LONG: long}, {TALK: stream}), Address("127.0.0.1", 0), limits)
    port = carrier.start()
    try:
        yield port
    finally:
        carrier.stop(1.0)


@contextmanager
def connected(port: int) -> Iterator[grpc.Channel]:
    with grpc.insecure_channel(f"127.0.0.1:{port}", options=[("grpc.max_receive_message_length", -1)]) as channel:
        yield channel


def ask(channel: grpc.Channel, path: str, request: bytes, **options: object) -> bytes:
    method: grpc.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(path)
    return method(request, **{"timeout": 20, **options})  # type: ignore[arg-type]


def refused(channel: grpc.Channel, path: str, request: bytes, **options: object) -> tuple[grpc.StatusCode, str]:
    with pytest.raises(grpc.RpcError) as caught:
        ask(channel, path, request, **options)
    return caught.value.code(), caught.value.details() or ""


@pytest.mark.parametrize("size", [0, 1, 5, 20_000, 1 << 20])
def test_messages_of_any_size_come_and_go_whole(wire_name: str, size: int) -> None:
    request = bytes(range(256)) * (size // 256) + bytes(size % 256)
    with serving(wire_name) as port, connected(port) as channel:
        assert ask(channel, ECHO, request) == request
        assert ask(channel, LONG, request) == request


@pytest.mark.parametrize("compression", [grpc.Compression.Gzip, grpc.Compression.Deflate])
def test_compressed_messages_are_unpacked_up_to_the_limit(wire_name: str, compression: grpc.Compression) -> None:
    with serving(wire_name) as port, connected(port) as channel:
        assert ask(channel, ECHO, b"a" * 100_000, compression=compression) == b"a" * 100_000
        code, _ = refused(channel, ECHO, bytes(LIMITS.message_bytes + 1), compression=compression)
        assert code is grpc.StatusCode.RESOURCE_EXHAUSTED


def test_a_message_over_the_limit_is_refused(wire_name: str) -> None:
    with serving(wire_name) as port, connected(port) as channel:
        code, _ = refused(channel, ECHO, bytes(LIMITS.message_bytes + 1))
        assert code is grpc.StatusCode.RESOURCE_EXHAUSTED
        assert ask(channel, ECHO, b"next") == b"next"


def test_metadata_reaches_the_method(wire_name: str) -> None:
    seen: list[Headers] = []

    def note(request: bytes, headers: Headers) -> bytes:
        seen.append(headers)
        return b""

    with serving(wire_name, short=note) as port, connected(port) as channel:
        ask(channel, ECHO, b"", metadata=(("authorization", "Bearer a"), ("x-key", "1"), ("some-bin", b"\x00")))
    assert (seen[0]["authorization"], seen[0]["x-key"]) == ("Bearer a", "1")
    assert "some-bin" not in seen[0]


def test_a_refusal_is_a_status_with_its_message(wire_name: str) -> None:
    with serving(wire_name, short=lambda request, headers: BUSY) as port, connected(port) as channel:
        assert refused(channel, ECHO, b"") == (grpc.StatusCode.RESOURCE_EXHAUSTED, "über")


def test_an_unknown_path_is_unimplemented(wire_name: str) -> None:
    with serving(wire_name) as port, connected(port) as channel:
        assert refused(channel, "/a.A/Nope", b"")[0] is grpc.StatusCode.UNIMPLEMENTED


@pytest.mark.parametrize("path", [ECHO, LONG])
def test_a_call_that_takes_long_does_not_hold_up_others(wire_name: str, path: str) -> None:
    entered, ending = threading.Event(), threading.Event()

    def answer(request: bytes, headers: Headers) -> bytes:
        if request == b"slow":
            entered.set()
            assert ending.wait(20)
        return request

    with (
        serving(wire_name, short=answer, long=answer) as port,
        connected(port) as channel,
        ThreadPoolExecutor(1) as pool,
    ):
        slow = pool.submit(ask, channel, path, b"slow")
        assert entered.wait(20)
        assert [ask(channel, ECHO, b"quick") for _ in range(50)] == [b"quick"] * 50
        ending.set()
        assert slow.result(20) == b"slow"


def test_calls_beyond_those_that_may_wait_are_refused(wire_name: str) -> None:
    refusals, ending = threading.Semaphore(0), threading.Event()

    def held(request: bytes, headers: Headers) -> bytes:
        assert ending.wait(20)
        return request

    limits = Limits(message_bytes=1000, workers=1)
    with serving(wire_name, short=held, limits=limits) as port, connected(port) as channel:
        method: grpc.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(ECHO)
        calls = [method.future(b"", timeout=30) for _ in range(limits.calls + 10)]
        for call in calls:
            call.add_done_callback(lambda _: refusals.release())
        for _ in range(10):
            assert refusals.acquire(timeout=20)
        ending.set()
        codes = [call.code() for call in calls]
    assert codes.count(grpc.StatusCode.OK) == limits.calls
    assert codes.count(grpc.StatusCode.RESOURCE_EXHAUSTED) == 10


@pytest.mark.parametrize("name", [name for name in installed() if name != GRPCIO])
def test_hundreds_of_calls_at_once_over_one_connection_are_answered(name: str) -> None:
    def slow(request: bytes, headers: Headers) -> bytes:
        time.sleep(0.005)
        return request

    limits = Limits(message_bytes=1000, workers=16)
    with serving(name, long=slow, limits=limits) as port, connected(port) as channel:
        method: grpc.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(LONG)
        calls = [method.future(b"1", timeout=60) for _ in range(1000)]
        assert [call.result() for call in calls] == [b"1"] * 1000


def test_a_call_whose_deadline_has_passed_is_not_begun(wire_name: str) -> None:
    begun: list[bytes] = []
    entered, ending = threading.Semaphore(0), threading.Event()

    def held(request: bytes, headers: Headers) -> bytes:
        begun.append(request)
        entered.release()
        assert ending.wait(20)
        return request

    limits = Limits(message_bytes=1000, workers=1)
    with serving(wire_name, long=held, limits=limits) as port, connected(port) as channel:
        method: grpc.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(LONG)
        calls = [method.future(b"first", timeout=30) for _ in range(limits.threads)]
        for _ in calls:
            assert entered.acquire(timeout=20)
        assert refused(channel, LONG, b"late", timeout=0.2)[0] is grpc.StatusCode.DEADLINE_EXCEEDED
        ending.set()
        assert [call.result() for call in calls] == [b"first"] * limits.threads
    assert b"late" not in begun


def test_a_stream_talks_both_ways(wire_name: str) -> None:
    with serving(wire_name) as port, connected(port) as channel:
        method: grpc.StreamStreamMultiCallable[bytes, bytes] = channel.stream_stream(TALK)
        messages = [bytes([number]) * 30_000 for number in range(100)]
        assert list(method(iter(messages), timeout=20)) == messages
        assert list(method(iter(()), timeout=20)) == []


def test_a_stream_that_fails_ends_with_what_it_sent_and_a_status(wire_name: str) -> None:
    def fail(requests: Iterator[bytes], link: ClientLink) -> Iterator[bytes]:
        yield next(requests)
        raise Misconfigured("so it is")

    with serving(wire_name, stream=fail) as port, connected(port) as channel:
        method: grpc.StreamStreamMultiCallable[bytes, bytes] = channel.stream_stream(TALK)
        replies = method(iter([b"1", b"2"]), timeout=20)
        assert next(replies) == b"1"
        with pytest.raises(grpc.RpcError) as caught:
            next(replies)
    assert caught.value.code() is grpc.StatusCode.FAILED_PRECONDITION
    assert "so it is" in (caught.value.details() or "")


def test_a_stream_learns_that_its_client_left(wire_name: str) -> None:
    ended, left, over = threading.Event(), threading.Event(), threading.Event()

    def listen(requests: Iterator[bytes], link: ClientLink) -> Iterator[bytes]:
        assert link.on_end(ended.set)
        try:
            yield b"hello"
            with suppress(ClientGone):
                for _ in requests:
                    pass
        finally:
            over.set()

    with serving(wire_name, stream=listen) as port, connected(port) as channel:

        def requests() -> Iterator[bytes]:
            yield b"1"
            left.wait(20)

        method: grpc.StreamStreamMultiCallable[bytes, bytes] = channel.stream_stream(TALK)
        call = method(requests(), timeout=20)
        assert next(call) == b"hello"
        call.cancel()
        assert ended.wait(20)
        assert over.wait(20)
        left.set()


def test_a_client_that_speaks_something_else_is_sent_away(wire_name: str) -> None:
    with serving(wire_name) as port:
        with socket.create_connection(("127.0.0.1", port), timeout=20) as client:
            client.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n" + bytes(100))
            with suppress(ConnectionResetError):
                while client.recv(1000):
                    pass
        with connected(port) as channel:
            assert ask(channel, ECHO, b"next") == b"next"


def test_calls_in_progress_end_before_the_wire_has_stopped(wire_name: str) -> None:
    entered, ending = threading.Event(), threading.Event()

    def held(request: bytes, headers: Headers) -> bytes:
        entered.set()
        assert ending.wait(20)
        return request

    carrier = wire(wire_name, Table({}, {LONG: held}, {}), Address("127.0.0.1", 0), LIMITS)
    with connected(carrier.start()) as channel, ThreadPoolExecutor(2) as pool:
        call = pool.submit(ask, channel, LONG, b"last")
        assert entered.wait(20)
        stopping = pool.submit(carrier.stop, 20.0)
        ending.set()
        assert call.result(20) == b"last"
        stopping.result(20)


@pytest.mark.parametrize("greeting", [b"", GREETING])
def test_clients_that_do_not_answer_are_left_when_the_wire_stops(wire_name: str, greeting: bytes) -> None:
    carrier = wire(wire_name, Table({ECHO: echo}, {}, {}), Address("127.0.0.1", 0), LIMITS)
    with socket.create_connection(("127.0.0.1", carrier.start()), timeout=20) as client:
        client.sendall(greeting)
        assert client.recv(9)
        carrier.stop(0.1)
        with suppress(ConnectionResetError):
            while client.recv(1000):
                pass


@pytest.mark.parametrize("name", [name for name in installed() if name != GRPCIO])
def test_a_client_that_does_not_read_gets_no_more_answers(name: str) -> None:
    """40 answers of 4 MB to a client whose window is 0; grpcio makes all of them and keeps them in memory."""
    answered: list[bytes] = []

    def large(request: bytes, headers: Headers) -> bytes:
        answered.append(request)
        return bytes(4 << 20)

    with serving(name, short=large, long=echo) as port, connected(port) as channel:
        with socket.create_connection(("127.0.0.1", port), timeout=20) as client:
            client.sendall(NO_WINDOW + b"".join(asking(2 * number + 1) for number in range(40)) + frame(6, 0, bytes(8)))
            received = b""
            while frame(6, 1, bytes(8)) not in received:
                received += client.recv(1 << 16)
            assert ask(channel, LONG, b"others") == b"others"
        assert 0 < len(answered) < 30


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux counts the packets of a connection")
@pytest.mark.parametrize("name", [name for name in installed() if name != GRPCIO])
def test_an_answer_is_one_packet(name: str) -> None:
    with (
        serving(name, short=lambda request, headers: bytes(20_000)) as port,
        socket.create_connection(("127.0.0.1", port), timeout=20) as client,
    ):
        client.sendall(GREETING + frame(6, 0, bytes(8)))
        received = b""
        while frame(6, 1, bytes(8)) not in received:
            received += client.recv(1 << 16)
        before = packets_with_data(client)
        client.sendall(asking(1))
        received = b""
        while b"\1\5\0\0\0\1" not in received:  # the last headers
            received += client.recv(1 << 16)
        assert packets_with_data(client) - before == 1


def packets_with_data(client: socket.socket) -> int:
    """How many the client has received: ``tcpi_data_segs_in``."""
    info = client.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 192)
    return int.from_bytes(info[152:156], sys.byteorder)


@pytest.mark.parametrize("name", [name for name in installed() if name != GRPCIO])
def test_a_process_ends_in_order_while_calls_are_answered(name: str) -> None:
    """With grpcio it does not end before they have: its threads are waited for."""
    ended = subprocess.run([sys.executable, "-c", EXITS, name], capture_output=True, text=True, timeout=60)
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "stopped\n", "")


def test_a_wire_that_is_not_installed_is_a_clear_refusal() -> None:
    with pytest.raises(Misconfigured, match="pip install weft-front"):
        chosen("carrier pigeon")


@pytest.mark.parametrize("name", installed())
def test_the_address_of_the_caller_where_it_is_asked_for(name: str) -> None:
    seen: list[str | None] = []

    def remember(request: bytes, headers: Headers) -> bytes:
        seen.append(headers.get(PEER))
        return request

    def converse(requests: Iterator[bytes], link: ClientLink) -> Iterator[bytes]:
        seen.append(link.headers.get(PEER))
        yield from requests

    for names_peers, expected in ((True, "127.0.0.1"), (False, None)):
        table = Table({ECHO: remember}, {}, {TALK: converse}, names_peers=names_peers)
        carrier = wire(name, table, Address("127.0.0.1", 0), LIMITS)
        with connected(carrier.start()) as channel:
            forged = ((PEER, "1.2.3.4"),) if names_peers else ()
            assert ask(channel, ECHO, b"x", metadata=forged) == b"x"
            stream: grpc.StreamStreamMultiCallable[bytes, bytes] = channel.stream_stream(TALK)
            assert list(stream(iter([b"y"]), timeout=20, metadata=forged)) == [b"y"]
        carrier.stop(1.0)
        assert seen == [expected, expected]
        seen.clear()


def test_a_front_of_another_version_is_not_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "weft_front.py").write_text("INTERFACE = 1\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "weft_front", raising=False)
    assert installed() == [GRPCIO]
    assert chosen(AUTO) == GRPCIO
    assert "another version than this Weft, so grpcio serves" in caplog.text
    with pytest.raises(Misconfigured, match="front is of another version than this Weft: install weft-front again"):
        chosen(FRONT)
