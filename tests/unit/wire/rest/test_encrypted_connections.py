"""REST connections over TLS: they count and wait from the moment they are accepted, and carry whatever HTTP needs."""

from __future__ import annotations

import os
import socket
import ssl
from contextlib import closing
from pathlib import Path

import pytest

from authority import Authority
from unit.wire.rest.test_connections import HEAD, Served, answer, is_closed, served, status
from weft.settings.tls import CertificateFiles
from weft.wire.tls import RenewedCertificate, RenewedContext


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


@pytest.fixture
def context(authority: Authority) -> RenewedContext:
    return RenewedContext(RenewedCertificate(CertificateFiles(*authority.issue(), None)))


def encrypted(connection: socket.socket, authority: Authority) -> ssl.SSLSocket:
    asking = ssl.create_default_context(cafile=authority.file)
    return asking.wrap_socket(connection, server_hostname="localhost")


def until(server: Served, number: int) -> None:
    while len(server.connections) != number:
        pass


def test_requests_are_answered(context: RenewedContext, authority: Authority) -> None:
    with served(context) as (server, connect), closing(encrypted(connect(), authority)) as client:
        for number in range(3):
            assert answer(client, HEAD % number + b"\r\n").endswith(b"/%d 1 0" % number)
        body = os.urandom(3 << 20)
        sent = b"POST /big HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(body) + body
        assert answer(client, sent).endswith(b"/big 2 %d" % len(body))
        assert answer(client, HEAD % 4 + b"\r\n" + HEAD % 5 + b"\r\n").count(b"HTTP/1.1 200") >= 1
        assert len(server.connections) == 1


def test_a_handshake_byte_by_byte(context: RenewedContext, authority: Authority) -> None:
    """And requests in pieces of a byte, each in a record of its own."""
    with served(context) as (_, connect):
        plain = connect()
        asking = ssl.create_default_context(cafile=authority.file)
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        client = asking.wrap_bio(incoming, outgoing, server_hostname="localhost")
        while True:
            try:
                client.do_handshake()
                break
            except ssl.SSLWantReadError:
                for byte in outgoing.read():
                    plain.sendall(bytes([byte]))
                incoming.write(plain.recv(65536))
        for byte in HEAD % 1 + b"\r\n":
            client.write(bytes([byte]))
        plain.sendall(outgoing.read())
        found = b""
        while not found.endswith(b"/1 1 0"):
            incoming.write(plain.recv(65536))
            try:
                while part := client.read():
                    found += part
            except ssl.SSLWantReadError:
                continue


def test_what_is_no_handshake_ends_the_connection(context: RenewedContext, authority: Authority) -> None:
    with served(context) as (server, connect):
        assert status(connect(), HEAD % 1 + b"\r\n") == 0
        garbage = connect()
        garbage.sendall(os.urandom(1000))
        assert is_closed(garbage)
        until(server, 0)
        with closing(encrypted(connect(), authority)) as client:
            assert status(client, HEAD % 1 + b"\r\n") == 200


def test_handshakes_that_are_not_finished_make_room(context: RenewedContext, authority: Authority) -> None:
    with served(context, max_connections=16, max_connections_per_address=16) as (server, connect):
        stalled = [connect() for _ in range(16)]
        stalled[0].sendall(b"\x16\x03\x01")
        until(server, 16)
        with closing(encrypted(connect(), authority)) as client:
            assert status(client, HEAD % 1 + b"\r\n") == 200
            assert is_closed(stalled[0])
            assert len(server.connections) == 16


def test_handshakes_have_as_long_as_headers(context: RenewedContext) -> None:
    with served(context, read_timeout_s=0.05) as (server, connect):
        assert is_closed(connect())
        until(server, 0)


def test_a_refusal_can_be_read(context: RenewedContext, authority: Authority) -> None:
    with served(context, max_header_bytes=1024) as (_, connect), closing(encrypted(connect(), authority)) as client:
        assert status(client, HEAD % 1 + b"x: " + b"y" * 4096 + b"\r\n\r\n") == 431
        assert is_closed(client)


def test_clients_that_leave(context: RenewedContext, authority: Authority) -> None:
    with served(context) as (server, connect):
        polite, rude = encrypted(connect(), authority), encrypted(connect(), authority)
        until(server, 2)
        polite.unwrap().close()
        rude.close()
        until(server, 0)
