"""Making a backup: each shard as it is when its turn comes, with all that was acknowledged before the request."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from weft.catalog.catalog import remove_folder
from weft.domain.errors import NotFound
from weft.engine.embedded.collection import Collection
from weft.engine.embedded.engine import Engine
from weft.jobs.backends.backend import BlobFolder
from weft.jobs.backup.descriptor import (
    SUCCESS,
    TRANSFERRED,
    TRANSFERRING,
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
from weft.jobs.worker import Job, now

TREE_CHUNK_BYTES = 1 << 16
"""Of LMDB's files, whose pages change here and there."""
CHUNK_BYTES = 1 << 18
"""Of the other files, which only grow."""


@dataclass(frozen=True, slots=True)
class BackupRequest:
    """What is to be backed up, and how. ``parts`` are with the names that are wanted of each; None: all."""

    collections: Sequence[Collection]
    level: int
    threads: int
    parts: Mapping[str, tuple[BackupPart, Sequence[str] | None]]


def clear_staging(folder: Path) -> None:
    """Removes what a server that was killed left there."""
    remove_folder(folder)


class BackupBase:
    """The backup that another one builds on: where it has each file's chunks."""

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
        """By path, with the backups numbered as the new one does, for which this is number 1."""
        manifest = self._manifests.get((collection, shard))
        if manifest is None:
            return {}
        found: dict[str, Refs] = {}
        for file in unpack_manifest(self._reader.one(manifest)):
            refs = file.refs.copy()
            refs["backup"] += 1
            found[file.path] = refs
        return found


class BackupMaker:
    """``run`` once. ``staging`` is a folder of its own in the data folder, on the disk of the shards."""

    def __init__(
        self,
        engine: Engine,
        order: BackupRequest,
        job: Job,
        state: BackupState,
        folder: BlobFolder,
        base: BackupBase | None,
        staging: Path,
    ) -> None:
        self._engine = engine
        self._order = order
        self._job = job
        self._state = state
        self._folder = folder
        self._base = base
        self._staging = staging

    def run(self) -> BackupState:
        """Returns the state that was written last. Raises JobStopped, and what goes wrong; then ``undo``."""
        job, order = self._job, self._order
        job.advance(TRANSFERRING)
        job.total_bytes = sum(one.bytes_on_disk(name) for one in order.collections for name in one.tenants())
        writer = PackWriter(self._folder, order.level, order.threads)
        try:
            contents = BackupContents([self._collection(one, writer) for one in order.collections])
            contents.parts = {name: part.dump(names) for name, (part, names) in order.parts.items()}
            writer.flush()
        finally:
            writer.close()
            remove_folder(self._staging)
        job.advance(TRANSFERRED)
        self._state = replace(
            self._state,
            status=SUCCESS,
            completed_at=now(),
            contents=write_contents(self._folder, contents),
            size_bytes=sum(shard.size_bytes for one in contents.collections for shard in one.shards),
            stored_bytes=writer.stored_bytes,
        )
        write_state(self._folder, self._state)
        return self._state

    def undo(self, status: str, error: str) -> None:
        """Removes what was stored of the backup, and says so in its state."""
        self._folder.clear("packs")
        write_state(self._folder, replace(self._state, status=status, error=error, completed_at=now()))

    def _collection(self, collection: Collection, writer: PackWriter) -> StoredCollection:
        shards: list[StoredShard] = []
        for name, status in collection.tenants().items():
            try:
                shards.append(self._shard(collection, name, status, writer))
            except NotFound:
                self._check_held(collection)  # otherwise the tenant has been deleted meanwhile
        self._check_held(collection)
        config = collection.config  # of now: it may have grown since the first shard, and fits each of them
        aliases = sorted(a for a, target in self._engine.aliases().items() if target == config.name)
        return StoredCollection(config.name, config.document, aliases, shards)

    def _check_held(self, collection: Collection) -> None:
        if self._engine.find(collection.config.name) is not collection:
            raise NotFound(f"class {collection.config.name} was deleted while it was backed up; ask for a new backup")

    def _shard(self, collection: Collection, name: str, status: str, writer: PackWriter) -> StoredShard:
        self._job.check()
        remove_folder(self._staging)
        self._staging.parent.mkdir(exist_ok=True)
        sizes = collection.snapshot_to(name, self._staging)
        if not sizes:
            return StoredShard(name, status, 0, None)
        known = self._base.refs(collection.config.name, name) if self._base else {}
        files: list[StoredFile] = []
        for path, size in sorted(sizes.items()):
            if not is_shard_file(path):  # somebody else's, in our folder
                continue
            chunk_bytes = TREE_CHUNK_BYTES if path.endswith(".mdb") else CHUNK_BYTES
            chunks = file_chunks(self._staging / path, size, chunk_bytes)
            refs = writer.add(chunks, known.get(path), self._progress)
            files.append(StoredFile(path, int(refs["size"].sum(dtype="u8")), chunk_bytes, refs))
        manifest = writer.add_one(pack_manifest(files))
        return StoredShard(name, status, sum(file.size for file in files), manifest)

    def _progress(self, size: int) -> None:
        self._job.done_bytes += size
        self._job.check()
