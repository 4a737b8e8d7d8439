"""Each wire that is installed, over TLS."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import grpc
import pytest

from authority import Authority
from weft.domain.errors import Misconfigured
from weft.settings.tls import CertificateFiles
from weft.wire.grpc.conversation import Headers
from weft.wire.grpc.limits import Limits
from weft.wire.grpc.methods import Table
from weft.wire.grpc.wire import Address, Wire
from weft.wire.grpc.wires import installed, wire
from weft.wire.tls import RenewedCertificate, ServerCertificate

ECHO = "/a.A/Echo"
BIG = b"x" * (3 << 20)


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


@pytest.fixture(params=installed())
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def echo(request: bytes, headers: Headers) -> bytes:
    return request


@contextmanager
def serving(name: str, certificate: ServerCertificate) -> Iterator[tuple[Wire, int]]:
    limits = Limits(message_bytes=4 << 20, workers=2)
    carrier = wire(name, Table({ECHO: echo}, {}, {}), Address("127.0.0.1", 0), limits, certificate)
    port = carrier.start()
    try:
        yield carrier, port
    finally:
        carrier.stop(1.0)


def method(channel: grpc.Channel) -> grpc.UnaryUnaryMultiCallable[bytes, bytes]:
    return channel.unary_unary(ECHO)


def ask(port: int, authority: Authority, request: bytes = b"hello", issued: tuple[Path, Path] | None = None) -> bytes:
    """Over a connection of its own."""
    chain, key = (None, None) if issued is None else (file.read_bytes() for file in issued)
    credentials = grpc.ssl_channel_credentials(authority.pem, key, chain)
    options = [("grpc.use_local_subchannel_pool", 1), ("grpc.max_receive_message_length", -1)]
    with grpc.secure_channel(f"localhost:{port}", credentials, options) as channel:
        return method(channel)(request, timeout=20)


def serial(port: int, version: ssl.TLSVersion | None = None) -> int:
    """Of the certificate that a new connection gets."""
    from cryptography import x509

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.set_alpn_protocols(["h2"])
    if version is not None:
        context.set_ciphers("ALL:@SECLEVEL=0")
        context.minimum_version = context.maximum_version = version
    with socket.create_connection(("127.0.0.1", port), timeout=20) as plain, context.wrap_socket(plain) as encrypted:
        assert encrypted.selected_alpn_protocol() == "h2"
        found = encrypted.getpeercert(binary_form=True)
        assert found is not None
        return x509.load_der_x509_certificate(found).serial_number


def test_calls_are_answered(name: str, authority: Authority) -> None:
    certificate = RenewedCertificate(CertificateFiles(*authority.issue(), None))
    with serving(name, certificate.current) as (_, port):
        assert ask(port, authority) == b"hello"
        assert ask(port, authority, BIG) == BIG
        with grpc.insecure_channel(f"127.0.0.1:{port}") as channel, pytest.raises(grpc.RpcError) as caught:
            method(channel)(b"", timeout=5)
        assert caught.value.code() is grpc.StatusCode.UNAVAILABLE


def test_tls_1_2_and_later(name: str, authority: Authority) -> None:
    certificate = RenewedCertificate(CertificateFiles(*authority.issue(), None))
    with serving(name, certificate.current) as (_, port):
        assert serial(port, ssl.TLSVersion.TLSv1_2) == serial(port, ssl.TLSVersion.TLSv1_3)
        with pytest.warns(DeprecationWarning), pytest.raises(OSError):
            serial(port, ssl.TLSVersion.TLSv1_1)


def test_new_connections_get_the_new_certificate(name: str, authority: Authority) -> None:
    certificate = RenewedCertificate(CertificateFiles(*authority.issue(), None))
    with serving(name, certificate.current) as (carrier, port):
        certificate.use(carrier.certify)
        first = serial(port)
        credentials = grpc.ssl_channel_credentials(authority.pem)
        with grpc.secure_channel(f"localhost:{port}", credentials) as channel:
            assert method(channel)(b"one", timeout=20) == b"one"
            authority.issue()
            assert certificate.look()
            assert method(channel)(b"two", timeout=20) == b"two"
        assert serial(port) != first
        assert ask(port, authority) == b"hello"


def test_clients_need_a_certificate_where_an_authority_is_set(name: str, authority: Authority, tmp_path: Path) -> None:
    others = Authority(tmp_path, "others")
    certificate = RenewedCertificate(CertificateFiles(*authority.issue(), others.file))
    with serving(name, certificate.current) as (_, port):
        assert ask(port, authority, issued=others.issue("client")) == b"hello"
        for issued in (None, authority.issue("client")):
            with pytest.raises(grpc.RpcError) as caught:
                ask(port, authority, issued=issued)
            assert caught.value.code() is grpc.StatusCode.UNAVAILABLE


def test_a_wire_refuses_what_it_cannot_use(name: str, authority: Authority) -> None:
    bad = ServerCertificate(authority.pem, b"no key")
    with pytest.raises(Misconfigured), serving(name, bad):
        pass
