"""Where the server is that a command talks to, and how it is known over TLS."""

from __future__ import annotations

import argparse
import ssl
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import grpc

from weft.domain.errors import Invalid


@dataclass(frozen=True, slots=True)
class ServerAddress:
    """``url``: of REST. ``ca``: PEM file of the authorities to trust instead of those of the system. ``certificate``,
    ``key``: PEM files of the client's own, for a server that asks for them."""

    url: str
    host: str
    tls: bool
    ca: Path | None
    certificate: Path | None
    key: Path | None

    @classmethod
    def of(cls, arguments: argparse.Namespace) -> ServerAddress:
        """What the command line names. Raises Invalid."""
        ca, certificate, key = (
            Path(given) if given else None
            for given in (arguments.ca_certificate, arguments.client_certificate, arguments.client_key)
        )
        if (certificate is None) != (key is None):
            raise Invalid("--client-certificate and --client-key belong together; give both, or neither")
        if not arguments.url:
            host = f"[{arguments.host}]" if ":" in arguments.host else arguments.host
            tls = any((ca, certificate))
            url = f"{'https' if tls else 'http'}://{host}:{arguments.port}"
            return cls(url, host, tls, ca, certificate, key)
        url = arguments.url.rstrip("/")
        try:
            parts = urlsplit(url)
            name, _ = parts.hostname, parts.port
        except ValueError as error:
            raise Invalid(f"--url {arguments.url!r} is not an address: {error}") from None
        if parts.scheme not in ("http", "https") or not name or parts.path or parts.query or parts.username:
            raise Invalid(f"--url must be like https://host:8080, not {arguments.url!r}")
        host, tls = f"[{name}]" if ":" in name else name, parts.scheme == "https"
        if not tls and any((ca, certificate)):
            raise Invalid(f"certificates are for https, but --url is {arguments.url!r}")
        return cls(url, host, tls, ca, certificate, key)

    def context(self) -> ssl.SSLContext:
        """For REST over TLS. Raises Invalid for files that cannot be used."""
        try:
            context = ssl.create_default_context(cafile=self.ca)
            if self.certificate is not None:
                context.load_cert_chain(self.certificate, self.key)
        except OSError as error:
            raise Invalid(f"cannot use the certificates {self._files()}: {error.strerror or error}") from error
        return context

    def channel(self, port: int, options: list[tuple[str, int]]) -> grpc.Channel:
        """To the gRPC port of the same host. Raises Invalid for files that cannot be read."""
        where = f"{self.host}:{port}"
        if not self.tls:
            return grpc.insecure_channel(where, options)
        try:
            ca, key, certificate = (
                None if file is None else file.read_bytes() for file in (self.ca, self.key, self.certificate)
            )
        except OSError as error:
            raise Invalid(f"cannot use the certificates {self._files()}: {error.strerror or error}") from error
        return grpc.secure_channel(where, grpc.ssl_channel_credentials(ca, key, certificate), options)

    def _files(self) -> str:
        return ", ".join(str(file) for file in (self.ca, self.certificate, self.key) if file is not None)
