"""App: one server, assembled from all rooms. The command line and ``weft.connect`` start and stop it."""

from __future__ import annotations

import importlib
import socket
import threading
import time
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING

import uvicorn

from weft.access.access import Access
from weft.config import Settings
from weft.domain.errors import Misconfigured
from weft.engine.collection import ONLY_SHARD
from weft.engine.drivers import open_database
from weft.modules import build_registry
from weft.service.guard import Door
from weft.service.schema.document import parse
from weft.service.service import Service
from weft.wire.grpc.server import GrpcServer
from weft.wire.rest.app import build_app
from weft.wire.rest.gate import Gate

if TYPE_CHECKING:
    from weft.metrics import Metrics, MetricsServer

_START_TIMEOUT_S = 30
_GRACE_S = 1
"""For REST replies that are still being sent when the time for running requests is over."""

_STALLED_S = 300
"""How long a reply waits for a client that does not read it."""

_RECONNECT_S = 0.5
"""Streaming clients that are asked to reconnect check immediately whether the server is back. They wait while it
answers that it is not ready, and give up when there is no answer."""


@dataclass(frozen=True, slots=True)
class Summary:
    """What a server holds when it starts."""

    collections: int
    objects: int
    modules: tuple[str, ...]


class App:
    """``start`` returns when both ports answer; ``stop`` when running requests are finished and the folder is free.

    The REST port is open from the first moment of ``start``, and answers that the server is not ready.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.rest_port = 0
        self.grpc_port = 0
        self.grpc_wire = ""
        self.metrics_port = 0
        """0 if no metrics are served."""
        self._metrics_server: MetricsServer | None = None

    def start(self) -> None:
        """Closes everything again if something cannot be opened, and raises its error."""
        settings, storage, host = self.settings, self.settings.storage, self.settings.server.host
        with ExitStack() as undo:
            self._start_rest(_listen(host, settings.rest.port))
            undo.callback(self._stop_rest)
            self._registry = build_registry(
                settings.modules.enabled,
                providers_off=settings.modules.providers_off,
                models=settings.modules.models,
                providers=settings.modules.providers,
                media=settings.modules.media,
            )
            undo.callback(self._registry.close)
            self._database = open_database(
                storage.data_path,
                parse,
                durable=storage.durable,
                write_queue=storage.write_queue,
                expiry_schedule=storage.expiry_schedule(),
                most_open_tenants=storage.max_open_tenants,
                engine=storage.engine,
            )
            undo.callback(self._database.close)
            self._access = Access(settings.access, self._database.folder, durable=storage.durable)
            undo.callback(self._access.close)
            metrics = self._metrics()
            service = self._service = Service(
                settings,
                self._database,
                self._registry,
                self._access,
                exposition=None if metrics is None else metrics.exposition,
            )
            undo.callback(service.close)
            door, auth = Door(service, self._access), self._access.authenticator
            observe = None
            if metrics is not None:
                observe = metrics.observe
                self._serve_metrics(metrics)
                undo.callback(self._stop_metrics)
            self._grpc = GrpcServer(
                door,
                auth,
                host=host,
                port=settings.grpc.port,
                max_message_bytes=settings.grpc.max_message_bytes,
                workers=settings.grpc.workers,
                wire_name=settings.grpc.wire,
                observe=observe,
            )
            # REST answers before gRPC listens: clients that wait for both ports then find both ready.
            self._gate.open(
                build_app(door, auth, settings.rest, body_limit_bytes=settings.grpc.max_message_bytes, observe=observe)
            )
            undo.callback(self._gate.close)
            self.grpc_port = self._grpc.start()
            self.grpc_wire = self._grpc.wire_name
            undo.pop_all()
        threading.Thread(target=self._warm, name="weft-warm", daemon=True).start()
        self._database.announce([f"http://{host}:{self.rest_port}", f"grpc://{host}:{self.grpc_port}"])

    def _metrics(self) -> Metrics | None:
        """None if no metrics are collected."""
        if not self.settings.metrics.enabled:
            return None
        from weft.metrics import Metrics

        return Metrics(
            lambda: self._service.nodes(None, verbose=True)[0].shards or (),
            self._registry.models,
            grouped=self.settings.metrics.group_collections,
        )

    def _serve_metrics(self, metrics: Metrics) -> None:
        from weft.metrics import MetricsServer

        self._metrics_server = MetricsServer(metrics, self.settings.server.host, self.settings.metrics.port)
        self.metrics_port = self._metrics_server.port

    def _stop_metrics(self) -> None:
        if self._metrics_server is not None:
            self._metrics_server.stop()

    def _start_rest(self, rest_socket: socket.socket) -> None:
        self.rest_port = rest_socket.getsockname()[1]
        self._gate = Gate()
        config = uvicorn.Config(
            self._gate,
            log_config=None,
            access_log=False,
            lifespan="off",
            ws="none",
            timeout_graceful_shutdown=_GRACE_S,
        )
        self._rest = uvicorn.Server(config)
        self._rest_thread = threading.Thread(
            target=self._rest.run, kwargs={"sockets": [rest_socket]}, name="weft-rest", daemon=True
        )
        self._rest_thread.start()
        deadline = time.monotonic() + _START_TIMEOUT_S
        while not self._rest.started:
            if not self._rest_thread.is_alive() or time.monotonic() > deadline:
                self._stop_rest()
                rest_socket.close()
                raise Misconfigured(f"the REST server did not start on {self.settings.server.host}:{self.rest_port}")
            time.sleep(0.002)

    def _stop_rest(self) -> None:
        """Does not wait for a request that hangs in its thread."""
        self._rest.should_exit = True
        self._rest_thread.join(2 * _GRACE_S)

    def stop(self) -> None:
        """Refuse new requests, finish those that run, write the indexes' snapshots, release the folder.

        Requests have half of ``shutdown_timeout_s``, and streams three quarters; then their connections close. What was
        acknowledged is stored.
        """
        until = time.monotonic() + self.settings.server.shutdown_timeout_s / 2
        self._service.announce_stop()
        self._gate.close()
        streams = self._grpc.announce_stop()
        done = self._grpc.drain(until) & self._gate.drain(until)
        if streams and done:
            time.sleep(_RECONNECT_S)
            self._gate.drain(until)
        more_s = self.settings.server.shutdown_timeout_s / 4 if streams else 0.0  # for what streams have received
        self._grpc.stop(max(0.0, until + more_s - time.monotonic()))
        self._stop_rest()
        self._stop_metrics()
        self._service.close()
        self._access.close()
        self._database.close()
        self._registry.close()

    def _warm(self) -> None:
        """Load in advance what the first search of each kind would wait for."""
        importlib.import_module("weft.engine.embedded.index.vector.kernels")
        importlib.import_module("weft.engine.embedded.index.inverted.kernels")

    def summary(self) -> Summary:
        collections = self._database.collections()
        objects = sum(one.count(ONLY_SHARD) for one in collections if not one.config.tenancy.enabled)
        return Summary(len(collections), objects, tuple(sorted(self._registry.meta())))


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
