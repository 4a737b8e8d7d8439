"""Creating a backup: each shard as it is when its turn comes, with everything acknowledged before the request."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from weft.domain.errors import NotFound
from weft.domain.jobs import JobStatus
from weft.engine.database import Database
from weft.engine.driver import OpenCollection
from weft.files.disk import remove_folder
from weft.jobs.backends.backend import BlobFolder
from weft.jobs.backup.descriptor import (
    BackupContents,
    BackupState,
    StoredCollection,
    StoredFile,
    StoredShard,
    is_shard_file,
    pack_manifest,
    read_contents,
    unpack_manifest,
    write_contents,
    write_state,
)
from weft.jobs.backup.pack import PackReader, PackWriter, Refs, file_chunks
from weft.jobs.backup.parts import BackupPart
from weft.jobs.job import GRACE_S, Job, JobKind, now

TREE_CHUNK_BYTES = 1 << 16
"""For LMDB's files, in which scattered pages change."""
CHUNK_BYTES = 1 << 18
"""For the other files, which only grow."""

BACKUP = JobKind("backup", "bytes", grace_s=GRACE_S)
"""The key of such a job is the home of its folder."""


def clear_staging(folder: Path) -> None:
    """Removes what a killed server left there."""
    remove_folder(folder)


class BackupBase:
    """The backup that another one builds on: the chunks of each of its files."""

    def __init__(self, state: BackupState, folders: list[BlobFolder]) -> None:
        """``folders`` are its own and those that it builds on itself."""
        self.state = state
        self._reader = PackReader(folders, [state.id, *state.backups])
        self._manifests = {
            (one.name, shard.name): shard.manifest
            for one in read_contents(folders[0], state).collections
            for shard in one.shards
        }

    def refs(self, collection: str, shard: str) -> dict[str, Refs]:
        """The chunks by path, with backups numbered as in the new one, where this one is number 1."""
        manifest = self._manifests.get((collection, shard))
        if manifest is None:
            return {}
        found: dict[str, Refs] = {}
        for file in unpack_manifest(self._reader.one(manifest)):
            refs = file.refs.copy()
            refs["backup"] += 1
            found[file.path] = refs
        return found


@dataclass(frozen=True, slots=True)
class BackupRequest:
    """What to back up, and how. ``level`` is zstd's, 0 for none; ``threads``: how many compress. ``parts``: with the
    requested names of each, None for all. ``base``: the backup to build on."""

    collections: Sequence[OpenCollection]
    level: int
    threads: int
    parts: Mapping[str, tuple[BackupPart, Sequence[str] | None]]
    base: BackupBase | None = None


class BackupTarget:
    """The folder of a backup, and the backup's state in it."""

    def __init__(self, folder: BlobFolder, state: BackupState) -> None:
        self.folder = folder
        self.state = state

    def begin(self) -> None:
        """Removes what an earlier attempt left."""
        self.folder.clear("packs")
        write_state(self.folder, self.state)

    def succeed(self, contents: BackupContents, stored_bytes: int) -> None:
        self.state = replace(
            self.state,
            status=JobStatus.SUCCESS,
            completed_at=now(),
            contents=write_contents(self.folder, contents),
            size_bytes=sum(shard.size_bytes for one in contents.collections for shard in one.shards),
            stored_bytes=stored_bytes,
        )
        write_state(self.folder, self.state)

    def fail(self, status: JobStatus, error: str) -> None:
        """Removes what was stored."""
        self.folder.clear("packs")
        self.state = replace(self.state, status=status, error=error, completed_at=now())
        write_state(self.folder, self.state)


class BackupMaker:
    """``run`` once. ``staging`` is a separate folder in the data folder, on the disk of the shards."""

    def __init__(self, database: Database, request: BackupRequest, target: BackupTarget, staging: Path) -> None:
        self._database = database
        self._request = request
        self._target = target
        self._staging = staging

    def run(self, job: Job) -> None:
        """Raises JobStopped, or the error of a failure; then call ``undo``."""
        asked = self._request
        job.total = sum(
            self._database.files(one).bytes_on_disk(name) for one in asked.collections for name in one.tenants()
        )
        writer = PackWriter(self._target.folder, asked.level, asked.threads)
        try:
            contents = BackupContents([self._collection(one, job, writer) for one in asked.collections])
            contents.parts = {name: part.dump(names) for name, (part, names) in asked.parts.items()}
            writer.flush()
        finally:
            writer.close()
        job.total = job.done  # sizes on disk are an estimate of what snapshots and bases leave to be stored
        job.begin_finishing()
        self._target.succeed(contents, writer.stored_bytes)

    def undo(self, status: JobStatus, error: str) -> None:
        self._target.fail(status, error)

    def clear(self) -> None:
        remove_folder(self._staging)

    def _collection(self, collection: OpenCollection, job: Job, writer: PackWriter) -> StoredCollection:
        shards: list[StoredShard] = []
        for name, status in collection.tenants().items():
            try:
                shards.append(self._shard(StoredShard(name, status, 0, None), collection, job, writer))
            except NotFound:
                self._check_held(collection)  # otherwise only the tenant has been deleted
        self._check_held(collection)
        config = collection.config  # the latest: it may have grown since the first shard, and fits all of them
        aliases = sorted(a for a, target in self._database.aliases().items() if target == config.name)
        return StoredCollection(config.name, config.document, aliases, shards)

    def _check_held(self, collection: OpenCollection) -> None:
        if self._database.find(collection.config.name) is not collection:
            raise NotFound(f"class {collection.config.name} was deleted while it was backed up; start a new backup")

    def _shard(self, empty: StoredShard, collection: OpenCollection, job: Job, writer: PackWriter) -> StoredShard:
        """``empty`` with its files."""
        job.check()
        remove_folder(self._staging)
        self._staging.parent.mkdir(exist_ok=True)
        sizes = self._database.files(collection).snapshot_to(empty.name, self._staging)
        if not sizes:
            return replace(empty, objects=0)
        base = self._request.base
        known = base.refs(collection.config.name, empty.name) if base else {}

        def progress(size: int) -> None:
            job.advance(size)
            job.check()

        files: list[StoredFile] = []
        for path, size in sorted(sizes.items()):
            if not is_shard_file(path):  # a foreign file in our folder
                continue
            chunk_bytes = TREE_CHUNK_BYTES if path.endswith(".mdb") else CHUNK_BYTES
            chunks = file_chunks(self._staging / path, size, chunk_bytes)
            refs = writer.add(chunks, known.get(path), progress)
            files.append(StoredFile(path, int(refs["size"].sum(dtype="u8")), chunk_bytes, refs))
        manifest = writer.add_one(pack_manifest(files))
        objects = collection.count(empty.name)
        return replace(empty, size_bytes=sum(file.size for file in files), manifest=manifest, objects=objects)
