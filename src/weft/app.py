"""App: one server, assembled from all rooms. The command line and ``weft.connect`` start and stop it."""

from __future__ import annotations

import threading
import time
from contextlib import ExitStack
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING

from weft.access.access import Access
from weft.access.audit_log import audit_log
from weft.access.shared import SharedAccessStore
from weft.compiled.warming import is_kept, wait_for, warm
from weft.config import Settings
from weft.engine.collection import ONLY_SHARD
from weft.engine.drivers import open_database
from weft.modules import build_registry
from weft.service.guard import Door
from weft.service.schema.document import parse
from weft.service.service import Service
from weft.wire.grpc.limits import Limits
from weft.wire.grpc.server import GrpcServer
from weft.wire.rest.app import build_app
from weft.wire.rest.server import RestServer
from weft.wire.rest.web_pages import WebPages
from weft.wire.tls import CertificateWatch
from weft.workers import Workers, processes

if TYPE_CHECKING:
    from weft.metrics import Metrics
    from weft.metrics_server import MetricsServer

_RECONNECT_S = 0.5
"""Streaming clients that are asked to reconnect check immediately whether the server is back. They wait while it
answers that it is not ready, and give up when there is no answer."""


_LATE = (
    "numpy.ma",
    "weft.engine.embedded.index.multivector",
    "weft.engine.embedded.index.vector",
    "weft.engine.pooling.ward",
    "weft.wire.graphql.answer",
)
"""Modules that are imported when they are first needed."""


@dataclass(frozen=True, slots=True)
class Summary:
    """What a server holds when it starts."""

    collections: int
    objects: int
    modules: tuple[str, ...]


class App:
    """``start`` returns when both ports answer; ``stop`` when running requests are finished and the folder is free.

    The REST port is open from the first moment of ``start``, and answers that the server is not ready. With
    ``warm_first`` it is ready when the kernels are, unless there is nothing to search and none has to be compiled;
    otherwise they are loaded beside the first requests.
    """

    def __init__(self, settings: Settings, *, warm_first: bool = False) -> None:
        self.settings = settings
        self._warm_first = warm_first
        self._stopping = threading.Event()
        self._warming = threading.Thread(target=self._warm, name="weft-warm", daemon=True)
        self.rest_port = 0
        self.grpc_port = 0
        self.grpc_wire = ""
        self.metrics_host = settings.metrics.host or settings.server.host
        self.metrics_port = 0
        """0 if no metrics are served."""
        self.processes = 1
        """That answer searches."""
        self._certificates = CertificateWatch()
        self._workers: Workers | None = None
        self._metrics_server: MetricsServer | None = None

    def start(self) -> None:
        """Closes everything again if something cannot be opened, and raises its error."""
        settings, storage, host = self.settings, self.settings.storage, self.settings.server.host
        rest_tls, grpc_tls = (
            None if files is None else self._certificates.of(files) for files in (settings.tls.rest, settings.tls.grpc)
        )
        with ExitStack() as undo:
            self._rest = RestServer(host, settings.rest, rest_tls)
            self.rest_port = self._rest.start()
            undo.callback(self._rest.stop)
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
                catalog=storage.catalog,
            )
            undo.callback(self._database.close)
            audit = self._audit = audit_log(settings.audit, self._database.folder)
            if audit is not None:
                undo.callback(audit.close)
            store = SharedAccessStore(self._database) if self._database.is_shared else None
            self._access = Access(
                settings.access, self._database.folder, durable=storage.durable, store=store, audit=audit
            )
            undo.callback(self._access.close)
            self._access.authenticator.prepare()
            metrics = self._metrics()
            service = self._service = Service(
                settings,
                self._database,
                self._registry,
                self._access,
                address=self.rest_address,
                exposition=None if metrics is None else metrics.exposition,
                processes=self._worker_pids,
                under_way=self._under_way,
                grpc=lambda: (self.grpc_port, self.grpc_wire),
            )
            undo.callback(service.close)
            door, auth = Door(service, self._access, audit), self._access.authenticator
            observe = None
            if metrics is not None:
                observe = metrics.observe
                self._serve_metrics(metrics)
                undo.callback(self._stop_metrics)
            self._grpc = GrpcServer(
                door.over("grpc"),
                auth,
                host=host,
                port=settings.grpc.port,
                limits=Limits.of(settings.grpc),
                wire_name=settings.grpc.wire,
                observe=observe,
                query_timeout_s=settings.limits.query_timeout_s,
                certificate=grpc_tls,
            )
            self.processes = processes(settings, self._grpc.spreader)
            ahead = self._warm_first and (bool(self._database.collections()) or not is_kept())
            if ahead:
                undo.callback(self._stopping.set)
                self._warming.start()
                wait_for(self._warming)
            # REST answers before gRPC listens: clients that wait for both ports then find both ready.
            self._rest_app = build_app(
                door.over("rest"),
                auth,
                settings.rest,
                body_limit_bytes=settings.grpc.max_message_bytes,
                query_timeout_s=settings.limits.query_timeout_s,
                observe=observe,
                pages=WebPages(settings.server, settings.rest, anonymous=settings.access.anonymous),
                tools=settings.mcp,
            )
            self._rest.gate.open(self._rest_app, lambda: self._database.trouble is None)
            undo.callback(self._rest.gate.close)
            self.grpc_port = self._grpc.start()
            self.grpc_wire = self._grpc.wire_name
            if self.processes > 1 and self._grpc.spreader is not None:
                self._workers = Workers(settings, self._grpc.spreader, self.processes - 1, observe)
                self._workers.start()
            self._certificates.start()
            undo.pop_all()
        if not ahead:
            self._warming.start()
        self._database.announce([self.rest_address, f"grpc://{host}:{self.grpc_port}"], settings.server.node)

    @property
    def rest_address(self) -> str:
        scheme = "http" if self.settings.tls.rest is None else "https"
        return f"{scheme}://{self.settings.server.host}:{self.rest_port}"

    def _metrics(self) -> Metrics | None:
        """None if no metrics are collected."""
        if not self.settings.metrics.enabled:
            return None
        from weft.metrics import Metrics

        return Metrics(
            lambda: self._service.nodes(None, verbose=True)[0].shards or (),
            self._registry.models,
            lambda: self._service.usage(),
            grouped=self.settings.metrics.group_collections,
            before=self._report_workers,
        )

    def _worker_pids(self) -> list[int]:
        return [] if self._workers is None else list(self._workers.pids().values())

    def _under_way(self) -> dict[str, int]:
        """See ``NodeUsage.requests``; nothing while the server starts and jobs of an earlier one continue already."""
        if not self.grpc_port:
            return {}
        held_bytes: int = self._rest_app.state.runner.held_bytes
        return {"rest": self._rest.gate.running, "grpc": self._grpc.running, "bytes": held_bytes}

    def _report_workers(self) -> None:
        if self._workers is not None:
            self._workers.report()

    def _serve_metrics(self, metrics: Metrics) -> None:
        from weft.metrics_server import MetricsServer

        self._metrics_server = MetricsServer(metrics.registry, self.metrics_host, self.settings.metrics.port)
        self.metrics_port = self._metrics_server.port

    def _stop_metrics(self) -> None:
        if self._metrics_server is not None:
            self._metrics_server.stop()

    def stop(self) -> None:
        """Refuse new requests, finish those that run, write the indexes' snapshots, release the folder.

        Requests have half of ``shutdown_timeout_s``, and streams three quarters; then their connections close. What was
        acknowledged is stored.
        """
        until = time.monotonic() + self.settings.server.shutdown_timeout_s / 2
        self._stopping.set()
        self._service.announce_stop()
        self._rest.gate.close()
        streams = self._grpc.announce_stop()
        done = self._grpc.drain(until) & self._rest.gate.drain(until)
        if streams and done:
            time.sleep(_RECONNECT_S)
            self._rest.gate.drain(until)
        more_s = self.settings.server.shutdown_timeout_s / 4 if streams else 0.0  # for what streams have received
        self._grpc.stop(max(0.0, until + more_s - time.monotonic()))
        if self._workers is not None:
            self._workers.stop()
        self._certificates.stop()
        self._rest.stop()
        self._stop_metrics()
        self._service.close()
        self._access.close()
        self._database.close()
        self._registry.close()
        if self._audit is not None:
            self._audit.close()
        self._warming.join()  # after the kernel in hand; a process that ends while one is compiled may crash

    def _warm(self) -> None:
        """Load what the first request of each kind would wait for, or fail for where no more files can be opened."""
        warm(self._stopping.is_set)
        for name in _LATE if self._warm_first else ():
            if not self._stopping.is_set():
                import_module(name)

    def summary(self) -> Summary:
        collections = self._database.collections()
        objects = sum(one.count(ONLY_SHARD) for one in collections if not one.config.tenancy.enabled)
        return Summary(len(collections), objects, tuple(sorted(self._registry.meta())))

    def counts(self) -> dict[str, int]:
        """The number of objects of each collection, its active tenants together."""
        return {
            one.config.name: sum(one.count(shard) for shard in one.active()) for one in self._database.collections()
        }
