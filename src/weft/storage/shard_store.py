"""One shard's truth: records, uuids and vectors, in one folder.

Layout of the folder, and of the tables of ``objects.mdb`` (LMDB; integers in keys big-endian; «sealed»: see `format`):

    weft-format.json      kind and format version
    objects.mdb           the tables below; ``objects.mdb-lock`` is LMDB's own
    vectors/              see `vector_folder`

    table     key             value
    meta      b"shard"        sealed JSON: next_doc_id
    objects   doc_id u32      XXH3-64 u64 big-endian (seed: doc_id), then the record
    uuids     uuid 16 bytes   doc_id u32, then the low 32 bits of XXH3-64 of the uuid (seed: doc_id), big-endian
    dead      doc_id >> 16    sealed roaring bitmap of the dead doc_ids among these 65,536

A doc_id below next_doc_id lives unless it is in ``dead``. Records of the dead are gone; their vectors stay in the
vector files until ``compact``.

Order of a commit: vectors to their files, sync, one LMDB transaction, sync, publish in memory. A failure before LMDB
has committed leaves everything as it was. One writer thread calls ``commit``, ``add_vectors`` and the compaction;
any number of threads read.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import xxhash
from pyroaring import BitMap

from weft.domain.errors import Invalid
from weft.domain.objects import Vector
from weft.storage import disk, format
from weft.storage.changes import Applied, Change, VectorLayout
from weft.storage.environment import Environment, Transaction
from weft.storage.format import damaged, seal, seal_json, unseal, unseal_json
from weft.storage.plan import Plan, make_plan, new_rows, problems
from weft.storage.vector_file import StagedRows, StoredVectors
from weft.storage.vector_folder import TABLES, VectorFolder

META, OBJECTS, UUIDS, DEAD = b"meta", b"objects", b"uuids", b"dead"
_SHARD = b"shard"
_CHUNK = 256

_DOC_ID = struct.Struct(">I")
_BLOCK = struct.Struct(">H")
_ENTRY = struct.Struct(">II")

_doc_key = _DOC_ID.pack
_checksum = xxhash.xxh3_64_digest
_checksum_int = xxhash.xxh3_64_intdigest


class ShardStore:
    """Opens or creates the shard in ``folder`` and adds the named vectors that it lacks.

    ``sync`` False leaves it to the system when bytes reach the disk: a crash of the machine may then lose or damage the
    last commits; a crash of the process does not. Raises CorruptData, Misconfigured, StorageFull.
    """

    def __init__(self, folder: Path, vectors: Mapping[str, VectorLayout], *, sync: bool = True) -> None:
        self.folder = folder
        with disk.explained(folder):
            folder.mkdir(parents=True, exist_ok=True)
        marked = format.is_marked(folder, "shard")
        self._env = Environment(folder / "objects.mdb", (META, OBJECTS, UUIDS, DEAD, *TABLES), sync=sync)
        try:
            self._load(marked)
            self._vectors = VectorFolder(folder / "vectors", self._env, sync=sync)
        except BaseException:
            self._env.close()
            raise
        try:
            if self._env.was_short:
                self.verify()
            self._vectors.add(vectors)
            if not marked:
                format.mark(folder, "shard", sync=sync)
        except BaseException:
            self.close()
            raise

    next_doc_id: int
    live: BitMap
    """The doc_ids of all objects; replaced by each commit, never changed in place."""

    @property
    def count(self) -> int:
        return len(self.live)

    # -- reading

    def lookup(self, uuids: Sequence[bytes]) -> list[int | None]:
        """The doc_id of each uuid; None where there is no such object."""
        table = self._env.tables[UUIDS]

        def body(txn: Transaction) -> list[int | None]:
            get = txn.get
            found: list[int | None] = []
            for uuid in uuids:
                entry = get(uuid, None, table)
                found.append(None if entry is None else self._doc_id(uuid, entry))
            return found

        return self._env.read(body)

    def read(self, doc_ids: Sequence[int]) -> list[bytes | None]:
        """The record of each doc_id, all of one snapshot; None where it is dead or unknown."""
        txn = self._env.begin_read()
        try:
            get, table, result = txn.get, self._env.tables[OBJECTS], []
            for doc_id in doc_ids:
                value = get(_doc_key(doc_id), None, table)
                if value is not None:
                    record = value[8:]
                    if _checksum(record, doc_id) != value[:8]:
                        raise damaged(self._env.path, f"object {doc_id} fails its checksum")
                    value = record
                result.append(value)
            return result
        finally:
            self._env.end_read(txn)

    def scan(self, after: bytes | None, limit: int) -> list[tuple[bytes, int]]:
        """Up to ``limit`` ``(uuid, doc_id)`` in order of uuid, beginning behind ``after``."""

        def body(txn: Transaction) -> list[tuple[bytes, int]]:
            found: list[tuple[bytes, int]] = []
            with txn.cursor(self._env.tables[UUIDS]) as cursor:
                more = cursor.first() if after is None else cursor.set_range(after)
                if more and cursor.key() == after:
                    more = cursor.next()
                while more and len(found) < limit:
                    uuid, entry = cursor.item()
                    found.append((uuid, self._doc_id(uuid, entry)))
                    more = cursor.next()
            return found

        return self._env.read(body)

    def scan_records(self, from_doc_id: int, limit: int) -> Iterator[tuple[int, bytes]]:
        """Up to ``limit`` ``(doc_id, record)`` of live objects from ``from_doc_id`` on, ascending.

        Each chunk is of one snapshot; an object that is replaced while this runs may be missing or appear anew.
        """
        while limit > 0:
            chunk = self._records(from_doc_id, min(limit, _CHUNK))
            yield from chunk
            if len(chunk) < min(limit, _CHUNK):
                return
            limit -= len(chunk)
            from_doc_id = chunk[-1][0] + 1

    def vectors(self, name: str) -> StoredVectors:
        """The file of the vectors named ``name``; the same object for the life of the store. KeyError when unknown."""
        return self._vectors.files[name]

    @property
    def vector_names(self) -> list[str]:
        return list(self._vectors.files)

    def get_vectors(self, name: str, doc_ids: Sequence[int]) -> list[Vector | None]:
        """Copies of the vectors as they were given; None for an object without one. Raises CorruptData."""
        return self._vectors.files[name].get(doc_ids)

    def size(self) -> dict[str, int]:
        """Bytes in use: ``objects`` (records, uuids, row tables, free pages) and ``vectors/<name>``."""
        sizes = {f"vectors/{name}": file.size_bytes for name, file in self._vectors.files.items()}
        return {"objects": self._env.size_bytes(), **sizes}

    # -- writing

    def check(self, changes: Sequence[Change]) -> dict[int, Invalid]:
        """By index, each Put that ``commit`` would refuse, if those before it that it accepts were committed."""
        return dict(problems(changes, self._vectors.files))

    def commit(self, changes: Sequence[Change]) -> list[Applied]:
        """Applies the changes in order, all or none; durable at return (with ``sync``), visible to readers at return.

        Raises Invalid with ``index`` (which of the changes), ``expected_dims`` and ``got_dims`` before anything is
        written; StorageFull; OperatorError when the disk fails; CorruptData when a carried vector is damaged.
        """
        for index, error in problems(changes, self._vectors.files):
            error.facts["index"] = index
            raise error
        uuids = list({change.uuid: None for change in changes})
        present = {u: d for u, d in zip(uuids, self.lookup(uuids), strict=True) if d is not None}
        plan = make_plan(changes, present, self.next_doc_id)
        staged = [
            (self._vectors.files[name], self._vectors.files[name].stage(rows.doc_ids, rows.vectors))
            for name, rows in new_rows(plan, self._vectors.files).items()
        ]
        live = self._live_after(plan)
        self._env.write(lambda txn: self._write(txn, plan, live, staged))
        for file, rows in staged:
            file.publish(rows)
        self.next_doc_id = plan.next_doc_id
        self.live = live
        return plan.applied

    def add_vectors(self, name: str, layout: VectorLayout) -> None:
        """Adds an empty vector file; nothing happens when it is there. Misconfigured when it has the other layout."""
        self._vectors.add({name: layout})

    def verify(self, *, full: bool = False) -> None:
        """Reads every record, uuid and vector block, and raises CorruptData for the first that is not what was written.

        Vector blocks that were checked before are read again only if ``full``.
        """
        live, records, uuids = self.live, 0, BitMap()
        for _ in self.scan_records(0, self.next_doc_id):
            records += 1
        after: bytes | None = None
        while page := self.scan(after, 4096):
            after = page[-1][0]
            uuids.update(doc_id for _, doc_id in page)
        if records != len(live) or uuids != live:
            raise damaged(
                self._env.path, f"{len(live)} objects were stored, {records} records and {len(uuids)} uuids found"
            )
        self._vectors.verify(full=full)

    def close(self) -> None:
        """Waits for reads in flight. Views of vectors that are still held stay valid."""
        self._vectors.close()
        self._env.close()

    # -- inside

    def _doc_id(self, uuid: bytes, entry: bytes) -> int:
        if len(entry) == _ENTRY.size:
            doc_id, checksum = _ENTRY.unpack(entry)
            if checksum == _checksum_int(uuid, doc_id) & 0xFFFFFFFF:
                return int(doc_id)
        raise damaged(self._env.path, f"the entry of uuid {uuid.hex()} fails its checksum")

    def _records(self, from_doc_id: int, limit: int) -> list[tuple[int, bytes]]:
        def body(txn: Transaction) -> list[tuple[int, bytes]]:
            found: list[tuple[int, bytes]] = []
            with txn.cursor(self._env.tables[OBJECTS]) as cursor:
                more = cursor.set_range(_doc_key(from_doc_id))
                while more and len(found) < limit:
                    key, value = cursor.item()
                    doc_id, record = int.from_bytes(key), value[8:]
                    if _checksum(record, doc_id) != value[:8]:
                        raise damaged(self._env.path, f"object {doc_id} fails its checksum")
                    found.append((doc_id, record))
                    more = cursor.next()
            return found

        return self._env.read(body)

    def _live_after(self, plan: Plan) -> BitMap:
        live = BitMap(self.live)
        live.add_range(self.next_doc_id, plan.next_doc_id)
        live.difference_update(BitMap(plan.removed), BitMap(plan.stillborn))
        return live

    def _write(
        self, txn: Transaction, plan: Plan, live: BitMap, staged: Sequence[tuple[StoredVectors, StagedRows]]
    ) -> None:
        tables = self._env.tables
        with txn.cursor(tables[OBJECTS]) as cursor:
            for doc_id in plan.removed:
                if cursor.set_key(_doc_key(doc_id)):
                    cursor.delete()
            cursor.putmulti(
                [(_doc_key(doc_id), _checksum(put.record, doc_id) + put.record) for doc_id, put in plan.puts],
                append=True,
            )
        with txn.cursor(tables[UUIDS]) as cursor:
            entries: list[tuple[bytes, bytes]] = []
            for uuid in sorted(plan.uuids):
                new = plan.uuids[uuid]
                if new is not None:
                    entries.append((uuid, _ENTRY.pack(new, _checksum_int(uuid, new) & 0xFFFFFFFF)))
                elif cursor.set_key(uuid):
                    cursor.delete()
            cursor.putmulti(entries)
        for block in sorted({doc_id >> 16 for doc_id in (*plan.removed, *plan.stillborn)}):
            key = _BLOCK.pack(block)
            whole = BitMap(range(block << 16, min((block + 1) << 16, plan.next_doc_id)))
            txn.put(key, seal(DEAD, key, (whole - live).serialize()), db=tables[DEAD])
        for file, rows in staged:
            self._vectors.write(txn, file, rows)
        self._write_meta(txn, plan.next_doc_id)

    def _write_meta(self, txn: Transaction, next_doc_id: int) -> None:
        txn.put(_SHARD, seal_json(META, _SHARD, {"next_doc_id": next_doc_id}), db=self._env.tables[META])

    def _load(self, marked: bool) -> None:
        """Reads what is kept in memory; a folder that is new gets its first meta record."""
        meta = self._env.read(lambda txn: txn.get(_SHARD, None, self._env.tables[META]))
        if meta is None:
            if marked:
                raise damaged(self._env.path, "it holds no shard, although one was created here")
            self._env.write(lambda txn: self._write_meta(txn, 0))
            self.next_doc_id, self.live = 0, BitMap()
            return
        self.next_doc_id = int(unseal_json(META, _SHARD, meta, self._env.path)["next_doc_id"])
        self.live = BitMap(range(self.next_doc_id)) - self._env.read(self._dead)
        stored = self._env.read(lambda txn: self._env.entries(txn, OBJECTS))
        if stored != len(self.live):
            raise damaged(self._env.path, f"{len(self.live)} objects were stored and {stored} records are there")

    def _dead(self, txn: Transaction) -> BitMap:
        with txn.cursor(self._env.tables[DEAD]) as cursor:
            blocks = [BitMap.deserialize(unseal(DEAD, key, value, self._env.path)) for key, value in cursor]
        return BitMap.union(*blocks) if blocks else BitMap()
