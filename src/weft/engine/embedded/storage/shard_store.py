"""ShardStore: the records, uuids and vectors of one shard, in one folder; its single source of truth.

Layout of the folder:

    weft-format.json      kind and format version, see `format`
    objects.mdb           LMDB: the tables of `object_tables` and `vector_folder`; ``objects.mdb-lock`` is LMDB's own
    vectors/              see `vector_folder`

A commit that removes objects gets the states of the shard that may still be read (``named``, the live doc_ids of each).
The records of objects that live in one of them are retained, and purged by a later commit or ``purge``. The vectors of
dead objects stay in the vector files until a compaction.

Order of a commit: vectors to their files, sync, one LMDB transaction, sync, publish in memory. A failure before LMDB
has committed leaves everything as it was. One writer thread calls ``commit``, ``add_vectors`` and the compaction;
any number of threads read.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path

from pyroaring import BitMap

from weft.domain.errors import Invalid
from weft.domain.objects import Vector
from weft.engine.embedded.storage import object_tables, vector_folder
from weft.engine.embedded.storage.changes import Applied, StoreChange, VectorLayout
from weft.engine.embedded.storage.compaction import Check, Rewrite
from weft.engine.embedded.storage.insertion import staged_name
from weft.engine.embedded.storage.object_tables import ObjectTables
from weft.engine.embedded.storage.plan import CommitPlan, plan_commit, problems, valid_rows
from weft.engine.embedded.storage.retained import Retained, Turnover
from weft.engine.embedded.storage.staging import Staging
from weft.engine.embedded.storage.store_copier import StoreCopier
from weft.engine.embedded.storage.store_origin import StoreOrigin
from weft.engine.embedded.storage.vector_file import StagedRows, StoredVectors
from weft.engine.embedded.storage.vector_folder import VectorFolder
from weft.files import disk, format, unfinished
from weft.files.environment import Environment, Transaction
from weft.files.format import damaged

_BELOW_DATA = 4  # collections/<id>/<id>/store of the data folder

TABLES = (*object_tables.TABLES, *vector_folder.TABLES)


class ShardStore:
    """Opens or creates the shard in ``folder`` and adds the named vectors that it lacks. ``sync`` False leaves it to
    the system when bytes reach the disk: a crash of the machine may then lose or damage the last commits; a crash of
    the process does not. Raises CorruptData, Misconfigured, StorageFull, and then leaves the folder unchanged."""

    def __init__(self, folder: Path, vectors: Mapping[str, VectorLayout], *, sync: bool = True) -> None:
        self.folder = folder
        self._sync = sync
        self._closed = False
        self._counting = threading.Lock()  # see StoreCopier
        self._switching = threading.Lock()
        marked = format.marked(folder, "shard")
        if not marked:  # a crash may have come while it was made
            with disk.explained(folder):
                disk.make_folder(folder, sync=sync, below=_BELOW_DATA)
                if not any((folder / "vectors").glob("*.f32")):
                    unfinished.remove(folder / "objects.mdb")
        if marked and not (folder / "objects.mdb").exists():
            raise damaged(folder / "objects.mdb", "the file is missing")
        numbered = marked > format.UNNUMBERED
        self.env = self._env = Environment(folder / "objects.mdb", TABLES, sync=sync, numbered=numbered)
        self.origin = StoreOrigin(self._env, self)
        self._objects = ObjectTables(self._env)
        try:
            state = self._objects.load()
            if state is None and marked:
                raise damaged(self._env.path, "it does not hold the shard that was created in it")
            self.next_doc_id, self.live, self.models, left = state or self._objects.create(self._env)
            self._retained = Retained(left)
            self._vectors = VectorFolder(folder / "vectors", self._env, self.origin, sync=sync)
        except BaseException:
            self._env.abandon()
            raise
        try:
            if self._env.was_short:
                self.verify()
            self._vectors.add(vectors)
            version = format.bring_up(folder, "shard", marked, self._env, sync=sync)
        except BaseException:
            self._vectors.close()
            self._env.abandon()
            raise
        self._copier = StoreCopier(self._env, self._vectors, self._counting, version)

    next_doc_id: int
    live: BitMap
    """The doc_ids of all objects; replaced by each commit, never changed in place."""
    models: Mapping[str, str]
    """What made the latest vectors of each name, as the changes stated it; forgotten once all those vectors are dead.
    Replaced, never changed in place."""

    @property
    def count(self) -> int:
        return len(self.live)

    @property
    def staging(self) -> Staging:
        """Vectors that objects get after they were stored. Made at each call: kept here, the two would refer to each
        other, and the mapped files of a closed store stay until such rings are collected."""
        return Staging(self, self._env, self._objects, self._vectors, self._counting, self._switching)

    @property
    def retained_count(self) -> int:
        """How many removed objects still have a record."""
        return len(self._retained.all)

    def lookup(self, uuids: Sequence[bytes], state: BitMap | None = None) -> list[int | None]:
        """The doc_id of each uuid, in the named ``state`` (None: now); None where there is no such object."""
        found = self._objects.lookup(uuids)  # before what is retained, see Retained
        if state is None:
            return found
        return [self._retained.then(uuid, doc_id, state) for uuid, doc_id in zip(uuids, found, strict=True)]

    def read(self, doc_ids: Sequence[int]) -> list[bytes | None]:
        """The record of each doc_id, all from one snapshot; None if it is purged or unknown."""
        return self._objects.read(doc_ids)

    def scan(self, after: bytes | None, limit: int, state: BitMap | None = None) -> list[tuple[bytes, int]]:
        """Up to ``limit`` ``(uuid, doc_id)`` in order of uuid, after ``after``, in the named ``state`` (None: now)."""
        if state is None:
            return self._objects.uuids(after, limit)
        return self._retained.scan(self._objects.uuids, after, limit, state)

    def scan_records(self, from_doc_id: int, limit: int) -> Iterator[tuple[int, bytes]]:
        """Up to ``limit`` ``(doc_id, record)`` of live objects from ``from_doc_id`` on, ascending; and of removed ones
        that are retained for a state of this process.

        Each chunk is from one snapshot; an object that is replaced while this runs may be missing, or appear again
        under its new doc_id.
        """
        return self._objects.records(from_doc_id, limit, self._retained.left)

    def vectors(self, name: str) -> StoredVectors:
        """The file of the vectors named ``name``; the same object for the life of the store. KeyError when unknown."""
        return self._vectors.files[name]

    @property
    def vector_names(self) -> list[str]:
        return list(self._vectors.files)

    def get_vectors(self, name: str, doc_ids: Sequence[int]) -> list[Vector | None]:
        """Checked copies of the vectors as they were given, ``(d,)`` or ``(T, d)`` f32, in order of ``doc_ids``.

        None for an object without one. Raises CorruptData, KeyError.
        """
        return self._vectors.files[name].get(doc_ids)

    def size(self) -> dict[str, int]:
        """Bytes in use: ``objects`` (records, uuids, row tables, free pages) and ``vectors/<name>``."""
        sizes = {f"vectors/{name}": file.size_bytes for name, file in self._vectors.files.items()}
        return {"objects": self._env.size_bytes(), **sizes}

    def check(self, changes: Sequence[StoreChange]) -> dict[int, Invalid]:
        """By index, each Put that ``commit`` would refuse, assuming that the valid ones before it are committed."""
        return dict(problems(changes, self._vectors.files))

    def commit(
        self,
        changes: Sequence[StoreChange],
        named: Sequence[BitMap] = (),
        known: Mapping[bytes, int | None] | None = None,
    ) -> list[Applied]:
        """Applies the changes in order, all or none; durable at return (with ``sync``), visible to readers at return.

        The states ``named`` stay readable. ``known``: the result of ``lookup`` by uuid, if no commit came since.
        Raises Invalid with ``index`` (which of the changes), ``expected_dims`` and ``got_dims`` before anything is
        written; StorageFull; OperatorError when the disk fails.
        """
        if known is None:
            known = dict(zip(uuids := [change.uuid for change in changes], self.lookup(uuids), strict=True))
        present = {u: d for u, d in known.items() if d is not None}
        plan = plan_commit(changes, present, self.next_doc_id)
        staged = [
            (self._vectors.files[name], self._vectors.files[name].stage(new.doc_ids, new.vectors, new.joined))
            for name, new in valid_rows(plan, changes, self._vectors.files).items()
        ]
        live = plan.live_after(self.live, self.next_doc_id)
        stated = {name: model for _, put in plan.puts for name, model in put.models.items()}
        models = {**self.models, **stated} if self.live else stated
        turnover = self._retained.turnover(BitMap(plan.removed), named)
        replaced = {doc_id: uuid for uuid, doc_id in present.items() if doc_id in turnover.retained}
        self._retained.add(replaced)
        try:
            with self._counting:
                self._env.write(lambda txn: self._write(txn, plan, live, turnover, staged, models))
                for file, ready in staged:
                    file.publish(ready)
        except BaseException:
            self._retained.drop(BitMap(replaced))
            raise
        self._retained.drop(turnover.purged)
        self.live = live  # first, see begin_compaction
        self.next_doc_id = plan.next_doc_id
        self.models = models
        return plan.applied

    def purge(self, named: Sequence[BitMap]) -> bool:
        """Deletes some records that none of the states ``named`` needs, on the writing thread; False if there are none.

        A commit does so, too.
        """
        turnover = self._retained.turnover(BitMap(), named)
        if turnover.purged:
            self._env.write(lambda txn: self._objects.purge(txn, turnover))
            self._retained.drop(turnover.purged)
        return bool(turnover.purged)

    def add_vectors(self, name: str, layout: VectorLayout) -> None:
        """Adds an empty vector file, if there is none. Raises Misconfigured when there is one with the other layout."""
        self._vectors.add({name: layout})

    def remove_vectors(self, name: str) -> None:
        """Removes the vector file ``name`` and what is staged for it, if they are there; on the writing thread."""
        with self._switching:
            for one in (name, staged_name(name)):
                self._vectors.remove(one)

    def dead(self, name: str, named: Sequence[BitMap] = ()) -> tuple[int, int]:
        """How many rows of the vector file ``name`` a compaction would remove, and how many bytes."""
        rows, kept = self._vectors.files[name].rows, BitMap.union(self.live, *named)
        return len(rows) - rows.count_of(kept), rows.size_bytes - rows.bytes_of(kept)

    def reset_vectors(self, name: str) -> None:
        """Makes the vector file ``name``, which no live object is in, an empty one that takes vectors of any
        dimensions; on the writing thread.

        Earlier states lose the vectors of their removed objects.
        """
        with self._switching:
            self._vectors.reset(name)

    def begin_compaction(self, name: str, named: Sequence[BitMap] = (), check: Check = lambda: None) -> Rewrite:
        """Copies the rows of live objects, and of those in the states ``named``, from the vector file ``name`` to a new
        one; on any thread, one at a time for each name.

        Nothing changes until ``finish_compaction``; ``Rewrite.discard`` abandons it. Raises as ``Rewrite.copy`` does.
        """
        rewrite = self._vectors.rewrite(name)
        end = self.next_doc_id  # first: what is live below it is then in ``live``
        rewrite.copy(BitMap.union(self.live, *named), end, check)
        return rewrite

    def finish_compaction(self, rewrite: Rewrite, named: Sequence[BitMap] = ()) -> None:
        """Replaces the old file by the new one, on the writing thread: rows are renumbered, ``generation`` grows.

        All or nothing; raises as the method that began it. Discards the new file if the old one was reset meanwhile.
        """
        with self._switching:
            if rewrite.generation <= rewrite.source.generation:
                rewrite.discard()
                return
            rewrite.copy(BitMap.union(self.live, *named), self.next_doc_id)
            self._vectors.switch(rewrite)

    def copy_to(self, folder: Path) -> None:
        """Copies the last commit, checked and synced, to the new ``folder``, where a ShardStore can open it.

        On any thread; commits continue meanwhile, compactions wait.
        """
        with self._switching:
            self._copier.copy_to(folder)

    def link_to(self, folder: Path) -> dict[str, int]:
        """Places the last commit, read-only, in the new ``folder``; returns the valid bytes of each file, by path.

        Vector files are links to the originals, so only the objects take time and space; pages of ``objects.mdb`` keep
        their positions from one call to the next. Nothing is synced. On any thread; commits continue meanwhile,
        compactions wait.
        """
        with self._switching:
            return self._copier.link_to(folder)

    def verify(self, *, full: bool = False) -> None:
        """Reads every record, uuid and vector block, and raises CorruptData for the first that is not what was written.

        Vector blocks that were checked before are read again only if ``full``.
        """
        self._objects.verify(self.live)
        self._vectors.verify(full=full)

    def close(self) -> None:
        """Waits for running reads. Views of vectors that are still held stay valid."""
        closed, self._closed = self._closed, True
        with closing(self._env), closing(self._vectors):
            if not closed:
                self.sync_all()

    def sync_all(self) -> None:
        """Brings everything committed to the disk, where commits do not."""
        if not self._sync:
            self._vectors.sync()
            self._env.sync()

    def _write(
        self,
        txn: Transaction,
        plan: CommitPlan,
        live: BitMap,
        turnover: Turnover,
        staged: Sequence[tuple[StoredVectors, StagedRows]],
        models: Mapping[str, str],
    ) -> None:
        self._objects.write(txn, plan, live, turnover, None if models == self.models else models)
        for file, rows in staged:
            self._vectors.write(txn, file, rows)
