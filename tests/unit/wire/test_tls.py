"""The server's certificate: what is refused, and how it is replaced while connections come."""

from __future__ import annotations

import logging
import ssl
from pathlib import Path

import pytest

from authority import Authority
from weft.domain.errors import Misconfigured
from weft.settings.tls import CertificateFiles, TlsSettings
from weft.wire.tls import RenewedCertificate, RenewedContext, ServerCertificate, read_certificate


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


def files_of(issued: tuple[Path, Path], client_ca: Path | None = None) -> CertificateFiles:
    return CertificateFiles(*issued, client_ca)


def shaken(context: ssl.SSLContext, authority: Authority, issued: tuple[Path, Path] | None = None) -> ssl.SSLObject:
    """The client's end of a handshake in memory. Raises ssl.SSLError where either end refuses."""
    asking = ssl.create_default_context(cadata=authority.pem.decode())
    if issued is not None:
        asking.load_cert_chain(*issued)
    up, down = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = asking.wrap_bio(down, up, server_hostname="localhost")
    server = context.wrap_bio(up, down, server_side=True)
    for _ in range(4):
        for end in (client, server):
            try:
                end.do_handshake()
            except ssl.SSLWantReadError:
                continue
    client.do_handshake()
    server.do_handshake()
    return client


def served(client: ssl.SSLObject) -> object:
    found = client.getpeercert()
    assert found
    return found["serialNumber"]


def test_a_certificate_and_its_key_are_served(authority: Authority) -> None:
    certificate = RenewedCertificate(files_of(authority.issue()))
    client = shaken(RenewedContext(certificate), authority)
    assert client.version() == "TLSv1.3"
    assert "PRIVATE" not in repr(certificate.current)


def test_tls_before_1_2_is_refused(authority: Authority) -> None:
    context = RenewedContext(RenewedCertificate(files_of(authority.issue())))
    up, down = ssl.MemoryBIO(), ssl.MemoryBIO()
    asking = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    with pytest.warns(DeprecationWarning):
        asking.minimum_version = ssl.TLSVersion.TLSv1
        asking.maximum_version = ssl.TLSVersion.TLSv1_1
    asking.set_ciphers("ALL:@SECLEVEL=0")
    client = asking.wrap_bio(down, up, server_hostname="localhost")
    with pytest.raises(ssl.SSLWantReadError):
        client.do_handshake()
    with pytest.raises(ssl.SSLError, match=r"(?i)unsupported.protocol|version"):
        context.wrap_bio(up, down, server_side=True).do_handshake()


def test_what_is_refused(authority: Authority, tmp_path: Path) -> None:
    certificate, key = authority.issue()
    other, _ = authority.issue("other")
    text = tmp_path / "text"
    text.write_text("no PEM")
    cases: list[tuple[tuple[Path, Path], str]] = [
        ((tmp_path / "missing.pem", key), "cannot read the certificate .*missing.pem: No such file"),
        ((certificate, tmp_path / "missing.key"), "cannot read the private key .*missing.key: No such file"),
        ((tmp_path, key), "cannot read the certificate .*: Is a directory"),
        ((text, key), "text holds no certificate in PEM form"),
        ((certificate, text), "text holds no private key in PEM form"),
        ((other, key), "server.key is not the private key of .*other.pem"),
        (authority.issue("old", since_days=9, until_days=-1), "old.pem expired at .*; renew it"),
        (authority.issue("new", since_days=-1), "new.pem is not valid before .*; is the clock right"),
        (authority.issue("locked", passphrase=b"secret"), "locked.key has a passphrase"),
    ]
    for issued, message in cases:
        with pytest.raises(Misconfigured, match=message):
            read_certificate(files_of(issued))
    with pytest.raises(Misconfigured, match="text holds no certificate in PEM form"):
        read_certificate(files_of((certificate, key), text))


def test_a_key_that_others_can_read_is_warned_of(authority: Authority, caplog: pytest.LogCaptureFixture) -> None:
    certificate, key = authority.issue()
    read_certificate(files_of((certificate, key)))
    assert not caplog.messages
    key.chmod(0o644)
    read_certificate(files_of((certificate, key)))
    assert "every user of this machine can read the private key" in caplog.text


def test_a_certificate_that_expires_soon_is_warned_of(authority: Authority, caplog: pytest.LogCaptureFixture) -> None:
    read_certificate(files_of(authority.issue(until_days=5)))
    assert "expires at" in caplog.text


def test_new_connections_get_the_new_certificate(authority: Authority) -> None:
    certificate = RenewedCertificate(files_of(authority.issue()))
    context = RenewedContext(certificate)
    before = served(shaken(context, authority))
    assert not certificate.look()
    authority.issue()
    assert served(shaken(context, authority)) == before  # it has not looked yet
    assert certificate.look()
    assert served(shaken(context, authority)) != before
    assert not certificate.look()


def test_a_bad_replacement_keeps_the_one_before(authority: Authority, caplog: pytest.LogCaptureFixture) -> None:
    files = files_of(authority.issue())
    certificate = RenewedCertificate(files)
    context = RenewedContext(certificate)
    before = served(shaken(context, authority))
    key = files.key.read_bytes()
    caplog.set_level(logging.INFO)
    for bad in (b"", b"half a key", authority.issue("other")[1].read_bytes(), None):
        caplog.clear()
        files.key.unlink() if bad is None else files.key.write_bytes(bad)
        assert not certificate.look() and not certificate.look()
        assert served(shaken(context, authority)) == before
        (logged,) = caplog.messages
        assert "stays in use" in logged and str(files.key) in logged
    files.key.write_bytes(key)
    assert certificate.look()
    assert served(shaken(context, authority)) == before


def test_one_that_a_wire_cannot_use_keeps_the_one_before(authority: Authority) -> None:
    certificate = RenewedCertificate(files_of(authority.issue()))
    first = certificate.current

    def refuse(renewed: ServerCertificate) -> None:
        raise Misconfigured("no")

    certificate.use(refuse)
    authority.issue()
    assert not certificate.look()
    assert certificate.current is first


def test_clients_need_a_certificate_where_an_authority_is_set(authority: Authority, tmp_path: Path) -> None:
    others = Authority(tmp_path, "others")
    certificate = RenewedCertificate(files_of(authority.issue(), others.file))
    context = RenewedContext(certificate)
    assert shaken(context, authority, others.issue("client")).version() == "TLSv1.3"
    for issued in (None, authority.issue("client")):
        with pytest.raises(ssl.SSLError):
            shaken(context, authority, issued)
    third = Authority(tmp_path, "third")
    others.file.write_bytes(third.pem)
    assert certificate.look()
    assert shaken(context, authority, third.issue("client")).version() == "TLSv1.3"
    with pytest.raises(ssl.SSLError):
        shaken(context, authority, others.issue("client"))


def test_files_of_each_port() -> None:
    plain = TlsSettings()
    assert plain.rest is None and plain.grpc is None
    both = TlsSettings(certificate="a", key="b", client_ca="c")
    assert both.rest == both.grpc == CertificateFiles(Path("a"), Path("b"), Path("c"))
    two = TlsSettings(certificate="a", key="b", grpc_certificate="x", grpc_key="y")
    assert two.rest == CertificateFiles(Path("a"), Path("b"), None)
    assert two.grpc == CertificateFiles(Path("x"), Path("y"), None)
    one = TlsSettings(grpc_certificate="x", grpc_key="y")
    assert one.rest is None and one.grpc is not None


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"certificate": "a"}, r"tls_certificate needs tls_key \(TLS_PRIVATE_KEY\)"),
        ({"key": "a"}, "tls_key needs tls_certificate"),
        ({"grpc_certificate": "a"}, "grpc_cert_file needs grpc_key_file"),
        ({"grpc_key": "a", "certificate": "a", "key": "b"}, "grpc_key_file needs grpc_cert_file"),
        ({"client_ca": "a"}, "tls_ca needs a certificate"),
    ],
)
def test_half_of_a_pair_is_refused(given: dict[str, str], message: str) -> None:
    with pytest.raises(Misconfigured, match=message):
        TlsSettings(**given)
