"""A whole server in this process, without ports: its service, its REST application, its gRPC calls."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import Any, ClassVar

from starlette.testclient import TestClient

from weft.access.access import Access
from weft.access.audit_log import audit_log
from weft.config import Settings, load_settings
from weft.domain.aggregate import AggregateAnswer, Aggregation
from weft.domain.answer import Answer
from weft.domain.caller import Caller
from weft.domain.query import Query
from weft.engine.database import Database
from weft.engine.drivers import open_database
from weft.modules import build_registry
from weft.modules.registry import Registry
from weft.service.guard import Door
from weft.service.schema.document import parse
from weft.service.service import Service
from weft.wire.grpc.calls import Calls
from weft.wire.rest.app import build_app


class RecordingService(Service):
    """The service, open to every caller; it remembers what it was asked, and raises ``failure`` if there is one."""

    def __init__(self, settings: Settings, database: Database, registry: Registry, access: Access) -> None:
        super().__init__(settings, database, registry, access)
        self.queries: list[tuple[Query, Caller]] = []
        self.aggregations: list[Aggregation] = []
        self.failure: Exception | None = None

    def search(self, query: Query, caller: Caller) -> Answer:
        self.queries.append((query, caller))
        if self.failure is not None:
            raise self.failure
        return super().search(query, caller)

    def aggregate(self, asked: Aggregation, caller: Caller) -> AggregateAnswer:
        self.aggregations.append(asked)
        return super().aggregate(asked, caller)


class InProcess:
    """Over the embedded engine in ``folder``, which is not synced. Settings are those of ``weft.config``, by name;
    without any, callers are anonymous and may do everything, and there is no auto-schema. ``modules`` are enabled."""

    modules: ClassVar[tuple[str, ...]] = ("reranker-dummy",)

    def __init__(self, folder: Path, **settings: Any) -> None:
        given: dict[str, Any] = {
            "autoschema_enabled": False,
            "durable": False,
            "backup_filesystem_path": str(folder / "backups"),
        }
        self.settings = load_settings({"data_path": folder / "data", **given, **settings}, {})
        self.registry = build_registry(self.modules)
        self.database = self._opened()
        self.audit = audit_log(self.settings.audit, self.database.folder)
        self.access = Access(self.settings.access, self.database.folder, durable=False, audit=self.audit)
        self.service = self._made()
        self.door = Door(self.service, self.access, self.audit)
        self.app = build_app(
            self.door.over("rest"),
            self.access.authenticator,
            self.settings.rest,
            body_limit_bytes=self.settings.grpc.max_message_bytes,
            query_timeout_s=self.settings.limits.query_timeout_s,
            tools=self.settings.mcp,
        )
        self._event_loop = ExitStack()
        self.rest = self._event_loop.enter_context(TestClient(self.app, raise_server_exceptions=False))
        """Its requests, of whichever threads, meet in one event loop, as they do in a server."""
        self.calls = Calls(self.door.over("grpc")).by_name()

    def _opened(self) -> Database:
        return open_database(self.settings.storage.data_path, parse, durable=False, write_queue=1000)

    def _made(self) -> Service:
        return Service(self.settings, self.database, self.registry, self.access)

    def close(self) -> None:
        self._event_loop.close()
        self.service.close()
        self.access.close()
        self.database.close()
        self.registry.close()
        if self.audit is not None:
            self.audit.close()


class Recording(InProcess):
    """With a service that remembers what it was asked."""

    service: RecordingService

    def _made(self) -> RecordingService:
        return RecordingService(self.settings, self.database, self.registry, self.access)
