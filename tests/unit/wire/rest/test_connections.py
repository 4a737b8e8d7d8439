"""Connections: what strangers may send before there is a request, and how many of them there may be."""

from __future__ import annotations

import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

import anyio
import pytest
import uvicorn
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.types import Receive, Scope, Send

from authority import Authority
from weft.settings.server import RestSettings
from weft.wire.rest.connection import MOST_AHEAD, MOST_HEADERS
from weft.wire.rest.connections import Connections, connections

LARGE_BYTES = 32 << 20
HEAD = b"GET /%d HTTP/1.1\r\nHost: x\r\n"
Connect = Callable[[], socket.socket]


class Served:
    """An application that answers with what it was sent, over real connections."""

    def __init__(self, settings: RestSettings, tls: ssl.SSLContext | None = None) -> None:
        self.connections: Connections = connections(settings, tls)
        self.holds = threading.Semaphore(0)
        """Released for each request that is held until ``released`` is set."""
        self.released = threading.Event()
        listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = listener.getsockname()[1]
        make: Any = self.connections.make
        config = uvicorn.Config(
            self.answer,
            interface="asgi3",
            log_config=None,
            access_log=False,
            lifespan="off",
            ws="none",
            http=make,
            timeout_keep_alive=60,
        )
        self.server = uvicorn.Server(config)
        self.thread = threading.Thread(target=self.server.run, kwargs={"sockets": [listener]}, daemon=True)
        self.thread.start()
        while not self.server.started:
            time.sleep(0.001)

    async def answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"] == "/held":
            self.holds.release()
            await anyio.to_thread.run_sync(self.released.wait)
        if scope["path"] == "/late":
            self.holds.release()
            await anyio.to_thread.run_sync(self.released.wait)
            await PlainTextResponse("late")(scope, receive, send)
            return
        request = Request(scope, receive)
        body = b"" if scope["path"] == "/unread" else await request.body()
        text = f"{scope['path']} {len(scope['headers'])} {len(body)}"
        if scope["path"] == "/large":
            text = "x" * LARGE_BYTES
        await PlainTextResponse(text)(scope, receive, send)

    def close(self) -> None:
        self.released.set()
        self.server.should_exit = True
        self.thread.join()


@contextmanager
def served(tls: ssl.SSLContext | None = None, **settings: Any) -> Iterator[tuple[Served, Connect]]:
    with ExitStack() as stack:
        server = Served(RestSettings(**settings), tls)
        stack.callback(server.close)

        def connect() -> socket.socket:
            made = stack.enter_context(socket.create_connection(("127.0.0.1", server.port), timeout=30))
            made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            return made

        yield server, connect


def answer(connection: socket.socket, sent: bytes = b"") -> bytes:
    """What comes back until an answer is whole, or until the connection ends."""
    found = b""
    try:
        connection.sendall(sent)
        while True:
            part = connection.recv(65536)
            found += part
            head, end, body = found.partition(b"\r\n\r\n")
            lines = head.lower().splitlines()
            length = sum(int(line[15:]) for line in lines if line.startswith(b"content-length:"))
            if not part or (end and len(body) >= length):
                return found
    except (ConnectionError, ssl.SSLError):
        return found


def answer_of(connection: socket.socket, size: int) -> bytes:
    """What comes until there are ``size`` bytes, or the connection ends."""
    found = bytearray()
    while len(found) < size and (part := connection.recv(1 << 20)):
        found += part
    return bytes(found)


def status(connection: socket.socket, sent: bytes = b"") -> int:
    """0: the connection ended without an answer."""
    found = answer(connection, sent)
    return int(found.split(b" ")[1]) if found else 0


def is_closed(connection: socket.socket) -> bool:
    """Waits for its end."""
    try:
        while connection.recv(65536):
            pass
    except (ConnectionError, ssl.SSLError):
        pass
    return True


def pour(connection: socket.socket, parts: Iterator[bytes]) -> int:
    """Sends until the server has had enough; the status of its answer, and 0 where it was lost to the reset."""
    try:
        for part in parts:
            connection.sendall(part)
    except (ConnectionError, ssl.SSLError):
        pass
    return status(connection)


def test_an_honest_client_notices_nothing() -> None:
    with served() as (_, connect):
        connection = connect()
        for number in range(3):
            assert answer(connection, HEAD % number + b"\r\n").endswith(b"/%d 1 0" % number)
        large = b"".join(b"X-%d: %s\r\n" % (i, b"v" * 500) for i in range(100))
        assert answer(connection, HEAD % 4 + large + b"\r\n").endswith(b"/4 101 0")
        body = b"POST / HTTP/1.1\r\nContent-Length: 3000000\r\n\r\n" + b"b" * 3_000_000
        assert answer(connection, body).endswith(b"/ 1 3000000")
        chunks = b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n" + b"1\r\nb\r\n" * 50_000 + b"0\r\n\r\n"
        assert answer(connection, chunks).endswith(b"/ 1 50000")


def endless(first: bytes, part: bytes) -> Iterator[bytes]:
    yield first
    for _ in range(200):
        yield part


@pytest.mark.parametrize(
    ("first", "part"),
    [
        (HEAD % 1 + b"A: ", b"a" * 100_000),
        (HEAD % 1, b"a:\r\n" * 25_000),
        (HEAD % 1, b"A: b\r\n" * 30),
        (HEAD % 1, b"A: " + b"b" * 10_000 + b"\r\n"),
        (b"GET /", b"a" * 100_000),
        (b"", b"\r\n" * 50_000),
        (b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1;a=", b"b" * 100_000),
        (b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n", b"1;a=%s\r\nb\r\n" % (b"b" * 50_000)),
        (b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n", b"a:\r\n" * 25_000),
        (b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nA: ", b"a" * 100_000),
    ],
    ids=["header", "empty", "many", "large", "path", "lines", "extension", "extensions", "trailers", "trailer"],
)
def test_what_never_ends_is_cut_off(first: bytes, part: bytes, caplog: pytest.LogCaptureFixture) -> None:
    with served() as (_, connect):
        connection = connect()
        assert pour(connection, endless(first, part)) in (431, 0)
        assert is_closed(connection)
        assert answer(connect(), HEAD % 1 + b"\r\n").endswith(b"/1 1 0")
        assert "Invalid" not in caplog.text, "strangers write no lines of the log"


@pytest.mark.parametrize(
    "head",
    [
        b"".join(b"X-%d: v\r\n" % i for i in range(MOST_HEADERS + 1)),
        b"X: " + b"v" * 70_000 + b"\r\n",
        b"".join(b"X-%d: %s\r\n" % (i, b"v" * 1000) for i in range(70)),
    ],
)
def test_a_head_that_is_too_large_is_refused_with_431(head: bytes) -> None:
    with served() as (_, connect):
        assert status(connect(), HEAD % 1 + head + b"\r\n") == 431
    with served(max_header_bytes=100_000) as (_, connect):
        assert status(connect(), HEAD % 1 + head + b"\r\n") == (431 if head.count(b"\n") > MOST_HEADERS else 200)


def test_requests_ahead_of_their_answers_are_few() -> None:
    with served() as (server, connect):
        connection = connect()
        ahead = b"".join(HEAD % i + b"\r\n" for i in range(MOST_AHEAD))
        connection.sendall(b"GET /held HTTP/1.1\r\n\r\n" + ahead)
        server.holds.acquire()
        server.released.set()
        found = b""
        while b"/%d 1 0" % (MOST_AHEAD - 1) not in found:
            found += connection.recv(65536)
        server.released.clear()
        other = connect()
        other.sendall(b"GET /held HTTP/1.1\r\n\r\n" + ahead + HEAD % 99 + b"\r\n")
        assert is_closed(other)


@pytest.mark.parametrize(
    "then",
    [
        b"no request\r\n\r\n",
        b"GET /1 HTTP/1.1\r\nTransfer-Encoding: odd\r\n\r\n",
        b"POST /1 HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n;\n",
        b"GET /1 HTTP/1.1\r\n\r\n" * (MOST_AHEAD + 1),
        b"",
    ],
)
def test_an_answer_that_comes_too_late_is_dropped_and_not_logged(then: bytes, caplog: pytest.LogCaptureFixture) -> None:
    """Its connection was closed meanwhile: by the server, because of what else was sent, or by the client."""
    with served() as (server, connect):
        connection = connect()
        connection.sendall(b"GET /late HTTP/1.1\r\n\r\n")
        server.holds.acquire()
        connection.sendall(then)
        if then:
            assert is_closed(connection)
        connection.close()
        while len(server.connections):
            time.sleep(0.001)
        server.released.set()
    assert not caplog.records


@pytest.mark.parametrize(("sent", "reply"), [(b"", 0), (HEAD % 1 + b"A: ", 408), (HEAD % 1, 408), (b"GET", 408)])
def test_who_sends_no_request_is_sent_away(sent: bytes, reply: int) -> None:
    with served(read_timeout_s=0.5) as (server, connect):
        connection = connect()
        assert (status(connection, sent), is_closed(connection)) == (reply, True)
        again = connect()
        assert answer(again, HEAD % 1 + b"\r\n").endswith(b"/1 1 0")
        assert (status(again, sent), is_closed(again)) == (reply, True)
        assert not len(server.connections)


def test_a_client_that_is_refused_while_it_sends_sees_the_answer() -> None:
    """More than sockets hold, so that it still sends when the answer is there."""
    with served() as (_, connect):
        client = connect()
        assert status(client, UNREAD % (32 << 20) + b"x" * (32 << 20)) == 200
        assert is_closed(client)
        in_chunks = connect()
        head = UNREAD.replace(b"Content-Length: %d", b"Transfer-Encoding: chunked")
        assert status(in_chunks, head + b"1000000\r\n" + b"x" * (16 << 20) + b"\r\nno chunk") == 200
        assert is_closed(in_chunks)


def test_the_rest_of_a_body_that_no_one_reads_is_not_waited_for_without_end() -> None:
    with served(read_timeout_s=0.5) as (_, connect):
        client = connect()
        assert status(client, UNREAD % 1000 + b"x") == 200
        assert is_closed(client)


def test_a_request_may_take_longer_than_its_head_may() -> None:
    with served(read_timeout_s=0.5) as (server, connect):
        working = connect()
        working.sendall(b"GET /held HTTP/1.1\r\n\r\n")
        assert is_closed(connect())
        server.released.set()
        assert status(working) == 200


UNREAD = b"POST /unread HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: %d\r\n\r\n"

UPGRADE = (
    b"POST /u HTTP/1.1\r\nHost: x\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AA\r\n"
)
SMUGGLED = b"GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n"


@pytest.mark.parametrize("cut", [0, 1, len(SMUGGLED)], ids=["at once", "in the body", "after the head"])
def test_the_body_of_a_request_that_offers_another_protocol_is_its_body(cut: int) -> None:
    with served() as (_, connect):
        client = connect()
        sent = UPGRADE + b"Content-Length: %d\r\n\r\n" % len(SMUGGLED) + SMUGGLED
        for number in range(2):
            client.sendall(sent[: len(sent) - cut])
            time.sleep(0.1 if cut else 0)
            found = answer(client, sent[len(sent) - cut :])
            assert found.endswith(b"/u 5 %d" % len(SMUGGLED)), number
        assert answer(client, HEAD % 1 + b"\r\n").endswith(b"/1 1 0")


def test_requests_after_one_that_offers_another_protocol_are_answered_in_order() -> None:
    with served() as (_, connect):
        client = connect()
        sent = UPGRADE + b"Content-Length: 5\r\n\r\nhello" + UPGRADE + b"\r\n" + HEAD % 3 + b"Connection: close\r\n\r\n"
        client.sendall(sent)
        found = b"".join(iter(lambda: client.recv(65536), b""))
        places = [found.find(one) for one in (b"/u 5 5", b"/u 4 0", b"/3 2 0")]
        assert places == sorted(places) and places[0] > 0


def test_a_chunked_body_with_such_an_offer_is_refused() -> None:
    with served() as (_, connect):
        client = connect()
        assert status(client, UPGRADE + b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n") == 411
        assert is_closed(client)


def test_who_reads_a_large_answer_slowly_gets_it_whole_and_then_waits() -> None:
    with served(read_timeout_s=1) as (server, connect):
        slow = connect()
        slow.sendall(b"GET /large HTTP/1.1\r\nHost: x\r\n\r\n")
        begin = slow.recv(1000)
        time.sleep(2.5)  # beyond the time for a head, and for those that are too late to be seen
        head, _, body = (begin + answer_of(slow, LARGE_BYTES)).partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200") and len(body) == LARGE_BYTES
        assert is_closed(slow)
        assert len(server.connections) == 0


def test_who_hardly_reads_an_answer_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("weft.wire.rest.connections._UNREAD_S", 1.0)
    with served() as (_, connect):
        slow = connect()
        slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 16)
        slow.sendall(b"GET /large HTTP/1.1\r\nHost: x\r\n\r\n")
        found = 0
        with suppress(ConnectionError):
            while part := slow.recv(1 << 14):
                found += len(part)
                time.sleep(0.1)
        assert 0 < found < LARGE_BYTES


def test_one_that_waits_makes_room_for_a_new_one() -> None:
    with served(max_connections=20, max_connections_per_address=4) as (server, connect):
        working = connect()
        working.sendall(b"GET /held HTTP/1.1\r\n\r\n")
        server.holds.acquire()
        idle = [connect() for _ in range(10)]
        newest = connect()
        assert answer(newest, HEAD % 1 + b"\r\n").endswith(b"/1 1 0")
        for one in idle[:-2]:
            assert is_closed(one)
        assert len(server.connections) == 4
        server.released.set()
        assert answer(working).endswith(b"/held 0 0")


def test_a_new_one_is_refused_where_all_work() -> None:
    with served(max_connections=20, max_connections_per_address=2) as (server, connect):
        working = [connect(), connect()]
        for one in working:
            one.sendall(b"GET /held HTTP/1.1\r\n\r\n")
            server.holds.acquire()
        refused = connect()
        assert (status(refused), is_closed(refused)) == (503, True)
        server.released.set()
        assert [status(one) for one in working] == [200, 200]


def test_the_total_counts_all_addresses() -> None:
    limits = connections(RestSettings(max_connections=20))
    assert (limits._most, limits._most_each) == (20, 10)
    limits = connections(RestSettings(max_connections=10**9))
    assert limits._most < 10**9, "the files that the process may open"


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


def context(authority: Authority) -> ssl.SSLContext:
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.load_cert_chain(*authority.issue())
    return made


def secured(connection: socket.socket, authority: Authority) -> socket.socket:
    return ssl.create_default_context(cafile=authority.file).wrap_socket(connection, server_hostname="localhost")


def test_with_tls_as_without(authority: Authority) -> None:
    with served(context(authority)) as (_, connect):
        for _ in range(3):
            with secured(connect(), authority) as connection:
                for number in range(3):
                    assert answer(connection, HEAD % number + b"\r\n").endswith(b"/%d 1 0" % number)
                body = b"POST / HTTP/1.1\r\nContent-Length: 3000000\r\n\r\n" + b"b" * 3_000_000
                assert answer(connection, body).endswith(b"/ 1 3000000")
        with secured(connect(), authority) as connection:
            assert pour(connection, endless(HEAD % 1, b"a:\r\n" * 25_000)) in (431, 0)


@pytest.mark.parametrize("sent", [b"", b"\x16\x03\x01", HEAD % 1 + b"\r\n"])
def test_handshakes_that_do_not_end_are_cut_off(authority: Authority, sent: bytes) -> None:
    with served(context(authority), read_timeout_s=0.5) as (server, connect):
        connection = connect()
        connection.sendall(sent)
        assert is_closed(connection)
        with secured(connect(), authority) as whole:
            assert answer(whole, HEAD % 1 + b"\r\n").endswith(b"/1 1 0")
            assert is_closed(whole)
        while len(server.connections):
            time.sleep(0.01)


def test_handshakes_make_room_for_a_new_connection(authority: Authority) -> None:
    with served(context(authority), max_connections=20, max_connections_per_address=3) as (server, connect):
        half = [connect() for _ in range(10)]
        with secured(connect(), authority) as whole:
            assert answer(whole, HEAD % 1 + b"\r\n").endswith(b"/1 1 0")
            for one in half[:-2]:
                assert is_closed(one)
            assert len(server.connections) <= 3


def test_with_tls_a_new_one_is_cut_off_where_all_work(authority: Authority) -> None:
    limits = {"max_connections": 20, "max_connections_per_address": 1}
    with served(context(authority), **limits) as (server, connect), secured(connect(), authority) as working:
        working.sendall(b"GET /held HTTP/1.1\r\n\r\n")
        server.holds.acquire()
        assert is_closed(connect())
        server.released.set()
        assert status(working) == 200
