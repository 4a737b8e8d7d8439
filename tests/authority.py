"""Certificates for tests: an authority, and what it issues for this machine."""

from __future__ import annotations

import ipaddress
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

_PEM = serialization.Encoding.PEM
_DAY = timedelta(days=1)


def _named(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


class Authority:
    """Issues certificates for ``localhost`` and 127.0.0.1, with keys of their own. ``file`` has its own."""

    def __init__(self, folder: Path, name: str = "ca") -> None:
        self._folder, self._name = folder, name
        self._key = ec.generate_private_key(ec.SECP256R1())
        own = self._certificate(name, self._key.public_key(), 1, 30, authority=True)
        self.file = folder / f"{name}.pem"
        self.file.write_bytes(own.public_bytes(_PEM))
        self.pem = self.file.read_bytes()

    def issue(
        self, name: str = "server", *, since_days: int = 1, until_days: int = 30, passphrase: bytes | None = None
    ) -> tuple[Path, Path]:
        """The files of a certificate and its key, ``name.pem`` and ``name.key``, replaced where they are."""
        key = ec.generate_private_key(ec.SECP256R1())
        issued = self._certificate(name, key.public_key(), since_days, until_days, authority=False)
        how = serialization.NoEncryption() if passphrase is None else serialization.BestAvailableEncryption(passphrase)
        files = self._folder / f"{name}.pem", self._folder / f"{name}.key"
        contents = issued.public_bytes(_PEM), key.private_bytes(_PEM, serialization.PrivateFormat.PKCS8, how)
        for file, content in zip(files, contents, strict=True):
            fresh = file.with_suffix(".new")
            fresh.write_bytes(content)
            fresh.chmod(0o600)
            fresh.replace(file)
        return files

    def _certificate(
        self, name: str, key: ec.EllipticCurvePublicKey, since_days: int, until_days: int, *, authority: bool
    ) -> x509.Certificate:
        now = datetime.now(UTC)
        names = [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
        builder = (
            x509.CertificateBuilder()
            .subject_name(_named(name))
            .issuer_name(_named(self._name))
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - since_days * _DAY)
            .not_valid_after(now + until_days * _DAY)
            .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
        )
        if not authority:
            builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
        return builder.sign(self._key, hashes.SHA256())
