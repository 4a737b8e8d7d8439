"""MetricsServer: the port that Prometheus reads metrics from, without credentials.

It answers a few connections at a time, each for a limited time, so that no one makes the process grow by it.
"""

from __future__ import annotations

import socket
import threading
from socketserver import ThreadingMixIn
from typing import Any, Final
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer

from prometheus_client import CollectorRegistry, make_wsgi_app

from weft.domain.errors import Misconfigured

_MOST_CONNECTIONS: Final = 16
_READ_TIMEOUT_S: Final = 10.0


class MetricsServer:
    """Listens from its creation until ``stop``. Raises Misconfigured when the port is taken."""

    def __init__(self, registry: CollectorRegistry, host: str, port: int) -> None:
        try:
            family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
            self._server = _Server(family, (str(address[0]), port))
        except OSError as error:
            raise Misconfigured(
                f"metrics cannot listen on {host}:{port}: {error.strerror}; stop the process that uses the port, or "
                "choose another with PROMETHEUS_MONITORING_PORT or WEFT_METRICS_HOST"
            ) from error
        self._server.set_app(make_wsgi_app(registry))
        self.port: int = self._server.server_port
        self._thread = threading.Thread(target=self._server.serve_forever, name="weft-metrics", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        if self._thread is not threading.current_thread():
            self._thread.join()


class _Handler(WSGIRequestHandler):
    timeout = _READ_TIMEOUT_S

    def log_message(self, format: str, *args: object) -> None:
        """Requests for metrics are not logged."""


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True

    def __init__(self, family: int, address: tuple[str, int]) -> None:
        self.address_family = family
        self._places = threading.Semaphore(_MOST_CONNECTIONS)
        super().__init__(address, _Handler)

    def process_request(self, request: Any, client_address: Any) -> None:
        if not self._places.acquire(blocking=False):
            self.shutdown_request(request)
            return
        super().process_request(request, client_address)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._places.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that goes away, or says nothing, concerns no one."""
