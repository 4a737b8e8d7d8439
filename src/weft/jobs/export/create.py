"""Creating an export: one shard after another, each as it was at one moment.

For that a shard's store is copied before it is read, and the copy stays until its last file is written, also while the
job is paused and when the server restarts. A file is complete when the job's cursor covers it; one that was written but
is not covered is written again, under the same name. So each object is exported once, however often the job stops.

    <staging>/progress.jsonl         see `journal`
    <staging>/shard/collection.json  the collection's schema, as it was when the shard was copied
    <staging>/shard/store/           the copy
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TypeAlias

import orjson

from weft.domain.errors import NotFound
from weft.domain.jobs import JobStatus
from weft.domain.json_values import JsonObject
from weft.domain.schema import CollectionConfig
from weft.engine.database import Database
from weft.engine.driver import OpenCollection
from weft.files import disk
from weft.files.disk import remove_folder
from weft.jobs.backends.backend import BlobFolder
from weft.jobs.export.journal import ExportJournal
from weft.jobs.export.state import ExportState, ShardExport, ShardExportStatus, write_export_state
from weft.jobs.job import GRACE_S, Job, JobKind, now

EXPORT = JobKind("export", "objects", resumable=True, grace_s=GRACE_S)
"""The key of such a job is the home of its folder."""

Parse: TypeAlias = Callable[[JsonObject], CollectionConfig]


@dataclass(frozen=True, slots=True)
class _Position:
    """The job's cursor: how many shards are done, and for the next one whether it is copied, how many of its files are
    complete, how many objects are in them, and the first doc_id of the next file."""

    shards: int = 0
    copied: bool = False
    files: int = 0
    objects: int = 0
    next: int = 0


def sweep_staging(folder: Path, ids: Set[str]) -> None:
    """Removes from ``folder`` the files of exports other than ``ids``."""
    for one in sorted(folder.iterdir()) if folder.is_dir() else ():
        if one.name not in ids:
            remove_folder(one)


class ExportTarget:
    """The folder of an export, and the export's state in it."""

    def __init__(self, folder: BlobFolder, state: ExportState) -> None:
        self.folder = folder
        self.state = state

    def begin(self) -> None:
        write_export_state(self.folder, self.state)

    def end(self, status: JobStatus, shards: Mapping[str, Mapping[str, ShardExport]], error: str = "") -> None:
        self.state = replace(self.state, status=status, error=error, completed_at=now(), shard_status=shards)
        write_export_state(self.folder, self.state)


class ExportMaker:
    """``begin`` once, or ``load`` the export of an earlier process; then ``run`` until it is done.

    ``ids``: the catalog's id of each collection, by name; one that was deleted and created again is another one.
    ``staging`` is a separate folder in the data folder. ``parse`` reads a collection's stored schema.
    """

    def __init__(
        self, database: Database, parse: Parse, target: ExportTarget, ids: Mapping[str, str], staging: Path
    ) -> None:
        self._database = database
        self._parse = parse
        self._target = target
        self._staging = staging
        self._collections = {name: database.with_id(id) for name, id in ids.items()}
        self._plan: Sequence[tuple[str, str]] = ()
        self._done: Sequence[ShardExport] = ()
        self._current = ShardExport()

    def begin(self) -> None:
        """Determines the shards to export. Raises NotFound, StorageFull, OperatorError."""
        self._plan = [(name, shard) for name in self._collections for shard in self._collection(name).tenants()]
        ExportJournal.create(self._staging, self._plan)
        self._target.begin()

    def load(self, job: Job) -> None:
        """Loads which shards to export, and which are done. Raises CorruptData."""
        position = _position(job)
        journal = ExportJournal.open(self._staging, position.shards)
        self._plan, self._done, self._current = journal.plan, journal.done, ShardExport(objects=position.objects)

    @property
    def state(self) -> ExportState:
        return self._target.state

    @property
    def progress(self) -> dict[str, dict[str, ShardExport]]:
        """Of each shard, by collection and name."""
        known = [*self._done, self._current]
        shards: dict[str, dict[str, ShardExport]] = {name: {} for name in self._target.state.classes}
        for number, (name, shard) in enumerate(self._plan):
            shards[name][shard] = known[number] if number < len(known) else ShardExport()
        return shards

    def run(self, job: Job) -> None:
        """Continues at the cursor. Raises JobStopped, or the error of a failure; then ``undo``, or ``run`` again."""
        position = _position(job)
        journal = ExportJournal.open(self._staging, position.shards)
        self._plan, self._done = journal.plan, journal.done
        job.done = sum(one.objects for one in journal.done) + position.objects
        job.total = job.total or self._count(job)
        while position.shards < len(journal.plan):
            job.check()
            journal.add(self._shard(job, position, *journal.plan[position.shards]))
            self._current = ShardExport()
            position = _Position(position.shards + 1)
            job.save(asdict(position))
        job.begin_finishing()
        self._target.end(JobStatus.SUCCESS, self.progress)

    def undo(self, status: JobStatus, error: str) -> None:
        """Marks the export as ``status`` in its folder. Complete files stay there."""
        if self._current.objects or status is JobStatus.FAILED:
            self._current = replace(self._current, status=ShardExportStatus.FAILED, error=error)
        self._target.end(status, self.progress, error)

    def clear(self) -> None:
        remove_folder(self._staging)

    def _count(self, job: Job) -> int:
        """The approximate number of objects to export."""
        total = 0
        for name, shard in self._plan:
            job.check()
            collection = self._collections[name]
            total += collection.count(shard) if collection is not None else 0
        return total

    def _shard(self, job: Job, position: _Position, name: str, shard: str) -> ShardExport:
        """Exports one shard, from ``position`` on; returns its outcome."""
        from weft.jobs.export.parquet import ShardFiles

        self._current = ShardExport(objects=position.objects)
        copy = self._staging / "shard"
        if not position.copied:
            skipped = self._copy(name, shard, copy)
            if skipped:
                return ShardExport(ShardExportStatus.SKIPPED, skipped=skipped)
            position = replace(position, copied=True)
            job.save(asdict(position))
        with disk.explained(copy):
            config = self._parse(orjson.loads((copy / "collection.json").read_bytes()))
        store = self._database.open_copy(copy / "store")

        def each(rows: int) -> bool:
            job.advance(rows)
            self._current = replace(self._current, objects=self._current.objects + rows)
            if job.pausing:  # the file ends here and is kept
                return False
            job.check()
            return True

        try:
            files = ShardFiles(config, shard, store)
            while True:
                key = f"{name}_{shard}_{position.files:04d}.parquet"
                written = files.write(copy / key, position.next, each)
                if not written.rows:
                    break
                self._target.folder.put_file(key, copy / key)
                (copy / key).unlink(missing_ok=True)
                objects = position.objects + written.rows
                position = replace(position, files=position.files + 1, objects=objects, next=written.next_doc_id)
                job.save(asdict(position))
                job.check()
        finally:
            store.close()
        return ShardExport(ShardExportStatus.SUCCESS, position.objects)

    def _copy(self, name: str, shard: str, folder: Path) -> str:
        """Copies the shard as it is now, durably, to ``folder``; returns why there is nothing to copy, or ""."""
        collection = self._collection(name)
        remove_folder(folder)
        with disk.explained(folder):
            folder.mkdir(parents=True)
        try:
            if not self._database.files(collection).copy_store(shard, folder / "store"):
                return "no data"
        except NotFound:
            if self._database.find(name) is not collection:
                raise
            return "deleted"
        disk.write_whole(folder / "collection.json", orjson.dumps(collection.config.document), sync=True)
        disk.sync_tree(folder)
        return ""

    def _collection(self, name: str) -> OpenCollection:
        """Raises NotFound."""
        collection = self._collections[name]
        if collection is None:
            raise NotFound(f"class {name} was deleted before it was exported", collection=name)
        return collection


def _position(job: Job) -> _Position:
    saved = {key: value for key, value in (job.cursor or {}).items() if isinstance(value, int)}
    return _Position(
        saved.get("shards", 0),
        bool(saved.get("copied", False)),
        saved.get("files", 0),
        saved.get("objects", 0),
        saved.get("next", 0),
    )
