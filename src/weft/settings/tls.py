"""TLS: the files of the certificates of the REST port and the gRPC port."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from weft.domain.errors import Misconfigured
from weft.settings.setting import setting


@dataclass(frozen=True, slots=True)
class CertificateFiles:
    """Of one port, all of them PEM. ``client_ca``: clients need a certificate of one of these authorities."""

    certificate: Path
    key: Path
    client_ca: Path | None


@dataclass(frozen=True, slots=True)
class TlsSettings:
    certificate: str = setting(
        "tls_certificate",
        "TLS_CERTIFICATE",
        "",
        "PEM file of the server's certificate, with those between it and its authority; turns TLS on for both ports",
    )
    key: str = setting("tls_key", "TLS_PRIVATE_KEY", "", "PEM file of its private key")
    client_ca: str = setting(
        "tls_ca",
        "TLS_CA_CERTIFICATE",
        "",
        "PEM file of the authorities whose certificates clients must have (mutual TLS); empty: clients need none",
    )
    grpc_certificate: str = setting(
        "grpc_cert_file", "GRPC_CERT_FILE", "", "another certificate for the gRPC port; empty: `tls_certificate`"
    )
    grpc_key: str = setting("grpc_key_file", "GRPC_KEY_FILE", "", "its private key; empty: `tls_key`")

    def __post_init__(self) -> None:
        for (one, given), (other, missing) in (
            (("tls_certificate", self.certificate), ("tls_key (TLS_PRIVATE_KEY)", self.key)),
            (("tls_key", self.key), ("tls_certificate (TLS_CERTIFICATE)", self.certificate)),
            (("grpc_cert_file", self.grpc_certificate), ("grpc_key_file (GRPC_KEY_FILE)", self.grpc_key)),
            (("grpc_key_file", self.grpc_key), ("grpc_cert_file (GRPC_CERT_FILE)", self.grpc_certificate)),
            (
                ("tls_ca", self.client_ca),
                ("a certificate of the server's own", self.certificate or self.grpc_certificate),
            ),
        ):
            if given and not missing:
                raise Misconfigured(f"{one} needs {other} beside it; set both, or neither")

    @property
    def rest(self) -> CertificateFiles | None:
        """None where REST is served without TLS."""
        return self._files(self.certificate, self.key)

    @property
    def grpc(self) -> CertificateFiles | None:
        """None where gRPC is served without TLS."""
        return self._files(self.grpc_certificate or self.certificate, self.grpc_key or self.key)

    def _files(self, certificate: str, key: str) -> CertificateFiles | None:
        if not certificate:
            return None
        return CertificateFiles(Path(certificate), Path(key), Path(self.client_ca) if self.client_ca else None)
