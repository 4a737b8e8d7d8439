"""The groups of settings that the service reads."""

from __future__ import annotations

from typing import Protocol

from weft.settings.archives import BackupSettings, ExportSettings
from weft.settings.collections import QuerySettings, SchemaSettings
from weft.settings.imports import ImportSettings, MediaReferenceSettings
from weft.settings.limits import LimitSettings
from weft.settings.resources import ResourceSettings
from weft.settings.server import GrpcSettings, RestSettings, ServerSettings
from weft.settings.usage import UsageSettings


class ServiceSettings(Protocol):
    @property
    def server(self) -> ServerSettings: ...
    @property
    def rest(self) -> RestSettings: ...
    @property
    def grpc(self) -> GrpcSettings: ...
    @property
    def schema(self) -> SchemaSettings: ...
    @property
    def usage(self) -> UsageSettings: ...
    @property
    def query(self) -> QuerySettings: ...
    @property
    def limits(self) -> LimitSettings: ...
    @property
    def resources(self) -> ResourceSettings: ...
    @property
    def backup(self) -> BackupSettings: ...
    @property
    def export(self) -> ExportSettings: ...
    @property
    def media_references(self) -> MediaReferenceSettings: ...
    @property
    def imports(self) -> ImportSettings: ...
