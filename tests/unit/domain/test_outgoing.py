"""Calls to servers that answer byte by byte, or not at all, or do not read."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import httpx
import pytest

from weft.domain.outgoing import client, within_s


@contextmanager
def server(serve: Callable[[socket.socket], None]) -> Iterator[str]:
    """Serves each connection with ``serve``, on a thread of its own."""
    listener = socket.create_server(("127.0.0.1", 0))

    def one(connection: socket.socket) -> None:
        with connection, suppress(OSError):
            serve(connection)

    def accept() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=one, args=(connection,), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    with listener:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"


def drip(connection: socket.socket, head: bytes, drop: bytes) -> None:
    connection.sendall(head)
    while True:
        connection.sendall(drop)
        time.sleep(0.02)


def dripping_head(connection: socket.socket) -> None:
    drip(connection, b"HTTP/1.1 200 OK\r\nX: ", b"x")


def dripping_body(connection: socket.socket) -> None:
    drip(connection, b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n", b"x")


def dripping_chunks(connection: socket.socket) -> None:
    drip(connection, b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n")


def silent(connection: socket.socket) -> None:
    while connection.recv(1):
        time.sleep(0.02)


@pytest.mark.parametrize("serve", [dripping_head, dripping_body, dripping_chunks, silent])
def test_an_exchange_ends_in_time(serve: Callable[[socket.socket], None]) -> None:
    with server(serve) as url, client(timeout_s=30) as http, pytest.raises(httpx.TimeoutException), within_s(0.3):
        http.post(url, content=b"x" * 50_000_000)


def answered(connection: socket.socket) -> None:
    while connection.recv(65536):
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")


def test_what_is_answered_in_time_is_whole_and_connections_are_kept() -> None:
    with server(answered) as url, client(timeout_s=30) as http:
        for _ in range(3):
            with within_s(30):
                assert http.get(url).text == "ok"
        with pytest.raises(httpx.TimeoutException), within_s(-1):
            http.get(url)
        assert http.get(url).text == "ok", "outside of the block there is no limit of the whole"


def test_it_holds_behind_a_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    with server(dripping_head) as url:
        monkeypatch.setenv("http_proxy", url)
        monkeypatch.setenv("no_proxy", "")
        with client(timeout_s=30) as http, pytest.raises(httpx.TimeoutException), within_s(0.3):
            http.get("http://example.invalid/")


def test_a_server_that_says_nothing_is_given_up() -> None:
    with server(silent) as url, client(timeout_s=0.1) as http, pytest.raises(httpx.TimeoutException):
        http.get(url)


def test_calls_that_hang_keep_no_others_from_a_connection() -> None:
    arrived, over = threading.Semaphore(0), threading.Event()

    def held(connection: socket.socket) -> None:
        arrived.release()
        over.wait(60)

    with server(held) as hanging, server(answered) as url, client(timeout_s=60) as http:

        def hang() -> None:
            with pytest.raises(httpx.TransportError):
                http.get(hanging)

        waiting = [threading.Thread(target=hang) for _ in range(120)]
        for one in waiting:
            one.start()
        for _ in waiting:
            assert arrived.acquire(timeout=30)
        assert http.get(url).text == "ok"
        over.set()
        for one in waiting:
            one.join()
