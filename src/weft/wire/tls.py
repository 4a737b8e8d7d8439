"""The server's certificate: read from its files, checked, and read again when they are replaced.

What cannot be served is refused with a sentence: at the start, which then fails, and later, when the server keeps what
it has. A key for another certificate, one with a passphrase, and a certificate that is expired or not valid yet cannot.
Connections stay as they are; those that are opened after a replacement get the new certificate.
"""

from __future__ import annotations

import logging
import os
import ssl
import stat
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final, TypeAlias

from weft.domain.errors import Misconfigured
from weft.settings.tls import CertificateFiles

log = logging.getLogger(__name__)

_SOON: Final = timedelta(days=14)
_ALPN: Final = ["http/1.1"]
_MOST_BYTES: Final = 1 << 20

_LOOK_EVERY_S: Final = 1.0

_Stamp: TypeAlias = tuple[tuple[int, ...] | None, ...]


@dataclass(frozen=True, slots=True)
class ServerCertificate:
    """PEM, checked. ``client_ca``: None where clients need no certificate."""

    chain: bytes
    key: bytes = field(repr=False)
    client_ca: bytes | None = None


def read_certificate(files: CertificateFiles) -> ServerCertificate:
    """What the files hold. Raises Misconfigured, naming the file, for what cannot be served."""
    chain, key = _content(files.certificate, "certificate"), _content(files.key, "private key")
    client_ca = None if files.client_ca is None else _content(files.client_ca, "certificate of the clients' authority")
    _check(files, chain, key, client_ca)
    if os.name == "posix" and stat.S_IMODE(files.key.stat().st_mode) & stat.S_IROTH:
        log.warning("every user of this machine can read the private key %s; take that from them: chmod o-r", files.key)
    return ServerCertificate(chain, key, client_ca)


Certify: TypeAlias = Callable[[ServerCertificate], None]
"""Has new connections get a certificate; raises Misconfigured for one that it cannot use."""


class RenewedCertificate:
    """The certificate in ``files``; ``look`` reads them again when they have changed. For one thread at a time."""

    def __init__(self, files: CertificateFiles) -> None:
        """Raises Misconfigured for what cannot be served."""
        self.files = files
        self._stamp = _stamp(files)
        self.current = read_certificate(files)
        self._uses: list[Certify] = []

    def use(self, certify: Certify) -> None:
        """Has ``certify`` called with each later certificate."""
        self._uses.append(certify)

    def look(self) -> bool:
        """Whether there was a new certificate. One that cannot be used is logged, once, and the current one stays."""
        stamp = _stamp(self.files)
        if stamp == self._stamp:
            return False
        self._stamp = stamp
        try:
            renewed = read_certificate(self.files)
            for certify in self._uses:
                certify(renewed)
        except Misconfigured as error:
            log.error("the TLS certificate is not replaced, and the one before stays in use: %s", error.message)
            return False
        self.current = renewed
        log.info("the TLS certificate %s is in use from now on", self.files.certificate)
        return True


class CertificateWatch:
    """Looks at the files of the certificates that a server uses about every second, between ``start`` and ``stop``."""

    def __init__(self) -> None:
        self._certificates: dict[CertificateFiles, RenewedCertificate] = {}
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="weft-tls", daemon=True)

    def of(self, files: CertificateFiles) -> RenewedCertificate:
        """One for all uses of the same files. Raises Misconfigured for what cannot be served."""
        if files not in self._certificates:
            self._certificates[files] = RenewedCertificate(files)
        return self._certificates[files]

    def start(self) -> None:
        """Nothing runs where there is no certificate."""
        if self._certificates:
            self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join()

    def _watch(self) -> None:
        while not self._stopping.wait(_LOOK_EVERY_S):
            for certificate in self._certificates.values():
                certificate.look()


class RenewedContext(ssl.SSLContext):
    """A context whose new connections get the newest certificate. TLS 1.2 and later.

    Each certificate has an ``ssl.SSLContext`` of its own, which makes them, since one cannot be rid of the authorities
    that it has.
    """

    def __new__(cls, *args: object, **kwargs: object) -> RenewedContext:
        return super().__new__(cls, ssl.PROTOCOL_TLS_SERVER)

    def __init__(self, certificate: RenewedCertificate) -> None:
        self._files = certificate.files
        self.certify(certificate.current)
        certificate.use(self.certify)

    def certify(self, certificate: ServerCertificate) -> None:
        """Raises Misconfigured where the TLS library refuses it."""
        self._current = _context(self._files, certificate)

    def wrap_bio(self, *args: object, **kwargs: object) -> ssl.SSLObject:
        return self._current.wrap_bio(*args, **kwargs)  # type: ignore[arg-type]  # as asyncio passes them


def _context(files: CertificateFiles, certificate: ServerCertificate) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.options |= ssl.OP_NO_RENEGOTIATION
    context.set_alpn_protocols(_ALPN)
    try:
        context.load_cert_chain(files.certificate, files.key, password=_no_password)
        if certificate.client_ca is not None:
            context.load_verify_locations(cadata=certificate.client_ca.decode("ascii"))
            context.verify_mode = ssl.CERT_REQUIRED
    except (OSError, ValueError) as error:  # ssl.SSLError is an OSError
        raise Misconfigured(f"the TLS library refuses {files.certificate} with {files.key}: {error}") from error
    return context


def _no_password() -> str:
    raise ValueError("the key has a passphrase")


def _stamp(files: CertificateFiles) -> _Stamp:
    """Changes when one of the files is written or replaced."""
    return tuple(_stamp_of(path) for path in (files.certificate, files.key, files.client_ca) if path is not None)


def _stamp_of(path: Path) -> tuple[int, ...] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns


def _content(path: Path, what: str) -> bytes:
    try:
        with path.open("rb") as file:
            content = file.read(_MOST_BYTES + 1)
    except OSError as error:
        raise Misconfigured(f"cannot read the {what} {path}: {error.strerror or error}") from error
    if len(content) > _MOST_BYTES:
        raise Misconfigured(f"the {what} {path} is larger than {_MOST_BYTES} bytes; is it another file?")
    return content


def _check(files: CertificateFiles, chain: bytes, key: bytes, client_ca: bytes | None) -> None:
    from cryptography import x509  # 30 ms, which a server without TLS need not spend
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives import serialization

    def certificates(content: bytes, path: Path | None) -> list[x509.Certificate]:
        try:
            return x509.load_pem_x509_certificates(content)
        except ValueError as error:
            raise Misconfigured(f"{path} holds no certificate in PEM form: {error}") from error

    own = certificates(chain, files.certificate)[0]
    now = datetime.now(UTC)
    if own.not_valid_after_utc < now:
        raise Misconfigured(f"the certificate {files.certificate} expired at {own.not_valid_after_utc}; renew it")
    if own.not_valid_before_utc > now:
        raise Misconfigured(
            f"the certificate {files.certificate} is not valid before {own.not_valid_before_utc}; is the clock right?"
        )
    if own.not_valid_after_utc < now + _SOON:
        log.warning("the certificate %s expires at %s; renew it", files.certificate, own.not_valid_after_utc)
    try:
        private = serialization.load_pem_private_key(key, None)
    except TypeError:
        raise Misconfigured(
            f"the private key {files.key} has a passphrase; write it without one, for instance: openssl pkey -in "
            f"{files.key} -out server.key"
        ) from None
    except (ValueError, UnsupportedAlgorithm) as error:
        raise Misconfigured(f"{files.key} holds no private key in PEM form: {error}") from error
    form = serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    if private.public_key().public_bytes(*form) != own.public_key().public_bytes(*form):
        raise Misconfigured(
            f"{files.key} is not the private key of {files.certificate}; give the two that belong together"
        )
    if client_ca is not None:
        certificates(client_ca, files.client_ca)
