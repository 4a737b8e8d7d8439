"""RestServer: the REST port, from before there is an application until the last reply is sent."""

from __future__ import annotations

import socket
import threading
import time
from typing import TYPE_CHECKING, Final, cast

import uvicorn

from weft.domain.errors import Misconfigured
from weft.settings.server import RestSettings
from weft.wire.rest.connections import connections
from weft.wire.rest.gate import Gate
from weft.wire.tls import RenewedCertificate, RenewedContext

if TYPE_CHECKING:
    from weft.wire.rest.connection import RestConnection

_START_TIMEOUT_S: Final = 30
_GRACE_S: Final = 1
"""For replies that are still being sent when the time for running requests is over."""

_BACKLOG: Final = 128
"""Connections that are accepted before the first of them is counted."""

_STALLED_S: Final = 300
"""How long a reply waits for a client that does not read it."""


class RestServer:
    """Listens on ``host`` from ``start`` until ``stop``; over TLS with a certificate. ``gate`` is the way in."""

    def __init__(self, host: str, settings: RestSettings, certificate: RenewedCertificate | None = None) -> None:
        self.gate = Gate()
        self._host = host
        self._port = settings.port
        context = None if certificate is None else RenewedContext(certificate)
        config = uvicorn.Config(
            self.gate,
            log_config=None,
            access_log=False,
            lifespan="off",
            ws="none",
            http=cast("type[RestConnection]", connections(settings, context).make),
            backlog=_BACKLOG,
            timeout_graceful_shutdown=_GRACE_S,
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(name="weft-rest", daemon=True)

    def start(self) -> int:
        """The bound port. Raises Misconfigured when the address cannot be bound."""
        listener = _listen(self._host, self._port)
        port: int = listener.getsockname()[1]
        self._thread = threading.Thread(
            target=self._server.run, kwargs={"sockets": [listener]}, name="weft-rest", daemon=True
        )
        self._thread.start()
        deadline = time.monotonic() + _START_TIMEOUT_S
        while not self._server.started:
            if not self._thread.is_alive() or time.monotonic() > deadline:
                self.stop()
                listener.close()
                raise Misconfigured(f"the REST server did not start on {self._host}:{port}")
            time.sleep(0.002)
        return port

    def stop(self) -> None:
        """Does not wait for a request that hangs in its thread."""
        self._server.should_exit = True
        self._thread.join(2 * _GRACE_S)


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    _detect_dead_peers(listener)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        raise Misconfigured(
            f"cannot listen on {host}:{port}: {error.strerror}; stop the process that uses the port, or choose another "
            "with --port"
        ) from error
    return listener


def _detect_dead_peers(listener: socket.socket) -> None:
    """Close connections whose clients are gone or do not read a reply, if the operating system can detect that."""
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for option, value in (("TCP_KEEPIDLE", 60), ("TCP_KEEPINTVL", 20), ("TCP_KEEPCNT", 3)):
        if hasattr(socket, option):
            listener.setsockopt(socket.IPPROTO_TCP, getattr(socket, option), value)
    if hasattr(socket, "TCP_USER_TIMEOUT"):
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, _STALLED_S * 1000)
