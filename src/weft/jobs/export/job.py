"""One export: its state beside the files, and the work that makes them.

export_metadata.json   the state, replaced as the export goes on
*.parquet              see `parquet`
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any

import orjson

from weft.catalog.catalog import remove_folder
from weft.domain.errors import CorruptData, NotFound, WeftError
from weft.engine.embedded.collection import Collection
from weft.engine.embedded.engine import Engine
from weft.engine.embedded.storage import ShardStore
from weft.jobs.backends.backend import BlobFolder
from weft.jobs.backup.descriptor import FAILED, SUCCESS, TRANSFERRING
from weft.jobs.worker import Job, now

METADATA = "export_metadata.json"
SKIPPED = "SKIPPED"


@dataclass(frozen=True, slots=True)
class ExportState:
    """As the protocol tells it. ``shard_status`` by class and shard; ``server`` is who wrote it."""

    id: str
    backend: str
    server: str
    status: str
    started_at: str
    classes: tuple[str, ...]
    completed_at: str = ""
    error: str = ""
    shard_status: Mapping[str, Mapping[str, Mapping[str, Any]]] = field(default_factory=dict)


def write_export_state(folder: BlobFolder, state: ExportState) -> None:
    folder.put(METADATA, orjson.dumps(asdict(state)))


def read_export_state(folder: BlobFolder) -> ExportState | None:
    """None when there is no export. Raises CorruptData."""
    raw = folder.get(METADATA)
    if raw is None:
        return None
    try:
        given = orjson.loads(raw)
        values: dict[str, Any] = {one.name: given[one.name] for one in fields(ExportState)}
    except (orjson.JSONDecodeError, KeyError, TypeError):
        path = f"{folder.home}/{METADATA}"
        raise CorruptData(f"{path} is damaged; export again under another id", path=path) from None
    return ExportState(**values | {"classes": tuple(values["classes"])})


class ExportMaker:
    """``run`` once. ``staging`` is a folder of its own in the data folder."""

    def __init__(
        self,
        engine: Engine,
        collections: Sequence[Collection],
        job: Job,
        state: ExportState,
        folder: BlobFolder,
        staging: Path,
    ) -> None:
        self._engine = engine
        self._collections = collections
        self._job = job
        self._state = state
        self._folder = folder
        self._staging = staging
        self.progress: dict[str, dict[str, dict[str, Any]]] = {
            one.config.name: {name: _shard_status(TRANSFERRING) for name in one.tenants()} for one in collections
        }

    def run(self) -> None:
        """Raises JobStopped, and what goes wrong; then ``undo``."""
        self._job.advance(TRANSFERRING)
        try:
            for collection in self._collections:
                for shard in list(self.progress[collection.config.name]):
                    self._job.check()
                    self._shard(collection, shard)
        finally:
            remove_folder(self._staging)
        self._job.check()
        self._state = replace(self._state, status=SUCCESS, completed_at=now(), shard_status=self.progress)
        write_export_state(self._folder, self._state)

    def undo(self, status: str, error: str) -> None:
        """Says so in the export's state. Files that are whole stay, to be looked at."""
        state = replace(self._state, status=status, error=error, completed_at=now(), shard_status=self.progress)
        write_export_state(self._folder, state)

    def _shard(self, collection: Collection, name: str) -> None:
        from weft.jobs.export.parquet import ShardExporter

        told = self.progress[collection.config.name][name]
        remove_folder(self._staging)
        self._staging.mkdir(parents=True)
        try:
            if not collection.copy_store(name, self._staging / "store"):
                told |= {"status": SKIPPED, "skipReason": "no data"}
                return
        except NotFound:
            if self._engine.find(collection.config.name) is not collection:
                raise
            told |= {"status": SKIPPED, "skipReason": "deleted"}
            return
        store = ShardStore(self._staging / "store", {}, sync=False)

        def progress(rows: int) -> None:
            told["objectsExported"] += rows
            self._job.check()

        try:
            ShardExporter(collection.config, name, store, self._folder, self._staging, progress).run()
        except Exception as error:
            told |= {"status": FAILED, "error": error.message if isinstance(error, WeftError) else type(error).__name__}
            raise
        finally:
            store.close()
        told["status"] = SUCCESS


def _shard_status(status: str) -> dict[str, Any]:
    return {"status": status, "objectsExported": 0}
