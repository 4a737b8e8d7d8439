"""Calls to other servers over HTTP: an exchange has a time limit as a whole.

httpx limits each read by itself, so that a server which sends a byte now and then is never done. Here each read, write
and connect has what is left of the time in the block ``within_s``. A client has no limit of connections: those that
wait for one server would keep others from theirs.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any, Final

import httpcore

from weft.domain.public_addresses import not_public, public_addresses

if TYPE_CHECKING:
    import ssl

    import httpx

_PIECE: Final = 1 << 16
_KEPT: Final = 100
"""Connections that may wait for another call."""


class _Until(threading.local):
    time: float | None = None
    public: bool = False


_until = _Until()


@contextmanager
def only_to_public(wanted: bool) -> Iterator[None]:
    """If ``wanted``, new connections of this thread in the block are made to public addresses only: each name is looked
    up once, and connected to at the address that was checked. Others raise Invalid. Where a proxy is used, it looks up
    the names."""
    before, _until.public = _until.public, wanted
    try:
        yield
    finally:
        _until.public = before


@contextmanager
def within_s(seconds: float) -> Iterator[None]:
    """The exchanges of this thread in the block end with httpx.TimeoutException after that time, all together."""
    before, _until.time = _until.time, time.monotonic() + seconds
    try:
        yield
    finally:
        _until.time = before


def client(*, timeout_s: float, verify: ssl.SSLContext | bool = True) -> httpx.Client:
    """A client that does not follow redirects; ``timeout_s`` limits each read where there is no block."""
    import httpx  # 0.1 s of a start

    limits = httpx.Limits(max_connections=None, max_keepalive_connections=_KEPT)
    made = httpx.Client(timeout=timeout_s, verify=verify, follow_redirects=False, limits=limits)
    for transport in (made._transport, *made._mounts.values()):
        if isinstance(transport, httpx.HTTPTransport):
            pool = transport._pool
            direct = transport is made._transport
            pool._network_backend = _TimedBackend(pool._network_backend, direct=direct)
    return made


def _left(timeout_s: float | None) -> float | None:
    """How long an operation may take that could take ``timeout_s`` otherwise."""
    if _until.time is None:
        return timeout_s
    left = _until.time - time.monotonic()
    if left <= 0:
        raise httpcore.ReadTimeout("the answer was not complete in time")
    return left if timeout_s is None else min(left, timeout_s)


class _TimedBackend(httpcore.NetworkBackend):
    """``direct``: what it connects to is not a proxy."""

    def __init__(self, inner: httpcore.NetworkBackend, *, direct: bool) -> None:
        self._inner = inner
        self._direct = direct

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        options = list(socket_options) if socket_options is not None else None
        if not (_until.public and self._direct):
            return _TimedStream(self._inner.connect_tcp(host, port, _left(timeout), local_address, options))
        *others, last = public_addresses(host, port)
        for address in others:
            with suppress(httpcore.ConnectError, httpcore.ConnectTimeout):
                return self._connected(host, address, port, _left(timeout), local_address, options)
        return self._connected(host, last, port, _left(timeout), local_address, options)

    def _connected(
        self,
        host: str,
        address: str,
        port: int,
        timeout: float | None,
        local_address: str | None,
        options: list[Any] | None,
    ) -> httpcore.NetworkStream:
        stream = self._inner.connect_tcp(address, port, timeout, local_address, options)
        peer = stream.get_extra_info("server_addr")
        if peer is None or ip_address(peer[0].partition("%")[0]) != ip_address(address.partition("%")[0]):
            stream.close()
            raise not_public(host)
        return _TimedStream(stream)

    def connect_unix_socket(
        self, path: str, timeout: float | None = None, socket_options: Iterable[Any] | None = None
    ) -> httpcore.NetworkStream:
        return _TimedStream(self._inner.connect_unix_socket(path, _left(timeout), socket_options))

    def sleep(self, seconds: float) -> None:
        self._inner.sleep(seconds)


class _TimedStream(httpcore.NetworkStream):
    def __init__(self, inner: httpcore.NetworkStream) -> None:
        self._inner = inner

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._inner.read(max_bytes, _left(timeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        for start in range(0, len(buffer), _PIECE):
            self._inner.write(buffer[start : start + _PIECE], _left(timeout))

    def close(self) -> None:
        self._inner.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        return _TimedStream(self._inner.start_tls(ssl_context, server_hostname, _left(timeout)))

    def get_extra_info(self, info: str) -> Any:
        return self._inner.get_extra_info(info)
