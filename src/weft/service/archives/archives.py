"""Backups, restores and exports as the service has them: one place that starts and stops them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from weft.engine.embedded.engine import Engine
from weft.jobs.backup.parts import BackupPart
from weft.jobs.worker import Worker
from weft.service.archives.backups import Backups
from weft.service.archives.catalog import BackupCatalog
from weft.service.archives.exports import Exports
from weft.service.archives.restores import Restores
from weft.settings.archives import BackupSettings, ExportSettings

Check = Callable[[Mapping[str, Any]], None]


class Archives:
    """``check`` raises Invalid for a schema document that this server cannot serve. Raises Misconfigured."""

    def __init__(self, backup: BackupSettings, export: ExportSettings, engine: Engine, check: Check) -> None:
        self._workers = Worker("backup"), Worker("restore"), Worker("export")
        making, restoring, exporting = self._workers
        self._parts: dict[str, BackupPart] = {}
        self._catalog = BackupCatalog(backup, engine, making)
        self.backups = Backups(engine, self._catalog, making, self._parts)
        self.restores = Restores(engine, self._catalog, restoring, self._parts, check)
        self.exports = Exports(export, backup, engine, exporting, self._catalog.server)

    def register(self, name: str, part: BackupPart) -> None:
        """Backups take ``part`` along from now on; ``name`` is ``roles`` or ``users`` (`weft.jobs.backup.parts`)."""
        self._parts[name] = part

    def meta(self) -> dict[str, dict[str, Any]]:
        """What ``/v1/meta`` says of the modules."""
        return {one.module: one.meta() for one in self._catalog.backends.values()}

    def classes(self, backend: str, id: str, at: Mapping[str, Any]) -> list[str]:
        """Of a backup, for whoever decides who may do what with it. Raises NotFound, Invalid."""
        state = self._catalog.state(self._catalog.folder(backend, id, at))
        return list(state.classes) if state else []

    def close(self) -> None:
        """What runs ends as failed; what has been done of it is given up."""
        for worker in self._workers:
            worker.close()
