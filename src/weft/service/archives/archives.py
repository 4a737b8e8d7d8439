"""Backups, restores and exports: the service's verbs on each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from weft.domain.json_values import JsonObject
from weft.engine.database import Database
from weft.jobs.backends.backend import Location
from weft.jobs.backup.parts import BackupPart
from weft.jobs.runner import JobRunner
from weft.service.archives.backups import Backups
from weft.service.archives.catalog import BackupCatalog
from weft.service.archives.exports import Exports
from weft.service.archives.restores import Admit, Restores, SchemaCheck
from weft.settings.archives import BackupSettings, ExportSettings


class Archives:
    """``parts``: what backups include besides collections, by name. ``check``, ``admit``: see ``Restores``. Raises
    Misconfigured."""

    def __init__(
        self,
        backup: BackupSettings,
        export: ExportSettings,
        database: Database,
        runner: JobRunner,
        parts: Mapping[str, BackupPart],
        check: SchemaCheck,
        admit: Admit,
    ) -> None:
        self._catalog = BackupCatalog(backup, database, runner)
        self.backups = Backups(database, self._catalog, runner, parts)
        self.restores = Restores(database, self._catalog, runner, parts, check, admit)
        self.exports = Exports(export, backup, database, runner, self._catalog.server)

    def meta(self) -> dict[str, JsonObject]:
        """The entries of the backends in ``/v1/meta``."""
        return {one.module: one.meta() for one in self._catalog.backends.values()}

    def classes(self, backend: str, id: str, place: Location) -> Sequence[str] | None:
        """The collections of a backup, for authorization; None: there is none. Raises NotFound, Invalid."""
        state = self._catalog.state(self._catalog.folder(backend, id, place))
        return state.classes if state else None
