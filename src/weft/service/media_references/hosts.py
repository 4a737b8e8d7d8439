"""MediaHosts: addresses of hosts that the operator lists, over TLS.

No redirect is followed, no credentials are sent, and the whole exchange has a time limit. Where all public hosts are
allowed (``*``), each address is looked up once and checked before it is connected to.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final
from urllib.parse import SplitResult, urlsplit

from weft.domain.errors import Invalid
from weft.domain.public_addresses import public_addresses
from weft.service.media_references.room import Room

if TYPE_CHECKING:
    import ssl

    import httpx

SCHEME: Final = "https:"
_ALL: Final = "*"
_TIMEOUT_S: Final = 50.0
_PIECE: Final = 1 << 20


class MediaHosts:
    """``verify``: certificates, in place of the system's."""

    def __init__(
        self, hosts: Sequence[str], *, timeout_s: float = _TIMEOUT_S, verify: ssl.SSLContext | bool = True
    ) -> None:
        self._hosts = frozenset(one.lower() for one in hosts)
        self._timeout_s = timeout_s
        self._verify = verify
        self._lock = threading.Lock()
        self._http: httpx.Client | None = None

    def read(self, reference: str, room: Room) -> bytes:
        """What is at the address. Raises Invalid where it may not be fetched or is not there, and what ``room``
        raises."""
        import httpx

        from weft.domain.outgoing import only_to_public, within_s

        parts = self._checked(reference)
        public_only = not self._is_listed(parts)
        try:
            if public_only:
                self._check_public(parts)
            with only_to_public(public_only), within_s(self._timeout_s):
                return self._received(reference, parts, room)
        except (httpx.HTTPError, httpx.InvalidURL, TimeoutError) as error:
            raise Invalid(f"{_named(parts)} did not answer with a medium: {type(error).__name__} {error}") from error

    def _received(self, reference: str, parts: SplitResult, room: Room) -> bytes:
        with self._client().stream("GET", reference, headers={"Accept-Encoding": "identity"}) as answer:
            if answer.status_code != 200:
                raise Invalid(f"{_named(parts)} answered with status {answer.status_code}; name the medium itself")
            if answer.headers.get("Content-Encoding", "identity") != "identity":
                raise Invalid(f"{_named(parts)} compresses the medium, though it is asked not to; name another address")
            found = bytearray()
            for piece in answer.iter_raw(_PIECE):
                room.take(len(piece), reference, len(found))
                found += piece
            return bytes(found)

    def close(self) -> None:
        with self._lock:
            http, self._http = self._http, None
        if http is not None:
            http.close()

    def _checked(self, reference: str) -> SplitResult:
        if not self._hosts:
            raise Invalid(
                "this server fetches no media from addresses; its operator can list hosts with WEFT_MEDIA_HOSTS"
            )
        try:
            parts = urlsplit(reference)
            usable = bool(parts.hostname) and parts.port != 0 and parts.username is None and parts.password is None
        except ValueError:
            usable = False
        if not usable or not reference.isascii() or not reference.isprintable() or " " in reference:
            raise Invalid(f"{reference[:200]!r} is not an address like https://example.com/image.png")
        if _ALL not in self._hosts and not self._is_listed(parts):
            raise Invalid(f"{_named(parts)} is not a host that this server's operator lists in WEFT_MEDIA_HOSTS")
        return parts

    def _check_public(self, parts: SplitResult) -> None:
        """Before the connection is made, which a proxy may do: the refusal names this server's setting."""
        try:
            public_addresses(parts.hostname or "", parts.port or 443)
        except Invalid:
            raise Invalid(
                f"{_named(parts)} is not a public host; this server's operator can list it in WEFT_MEDIA_HOSTS"
            ) from None

    def _is_listed(self, parts: SplitResult) -> bool:
        host, port = parts.hostname or "", parts.port or 443
        return f"{host}:{port}" in self._hosts or (port == 443 and host in self._hosts)

    def _client(self) -> httpx.Client:
        from weft.domain.outgoing import client

        with self._lock:
            if self._http is None:
                self._http = client(timeout_s=self._timeout_s, verify=self._verify)
            return self._http


def _named(parts: SplitResult) -> str:
    return f"https://{parts.netloc[:200]}"
