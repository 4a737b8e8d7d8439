"""Records by doc_id, doc_ids by uuid, and which doc_ids are dead: the LMDB tables of one shard's objects.

Integers are big-endian; "sealed": see `files.format`.

    table     key             value
    meta      b"shard"        sealed JSON: next_doc_id
              b"models"       sealed JSON: what made the vectors, by name of vector; missing when none was stated
              b"retained"     sealed roaring bitmap of the dead doc_ids that have a record; missing: none
    objects   doc_id u32      XXH3-64 u64 of the record (seed: doc_id), then the record
    uuids     uuid 16 bytes   doc_id u32, then the low 32 bits of XXH3-64 of the uuid (seed: doc_id)
    dead      doc_id >> 16    sealed roaring bitmap of the dead doc_ids among these 65,536

A doc_id below next_doc_id lives unless it is in ``dead``; the record of a dead one may be retained. A value that fails
its checksum raises CorruptData.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import xxhash
from pyroaring import BitMap

from weft.domain.counts import counted
from weft.domain.errors import CorruptData
from weft.engine.embedded.storage.plan import CommitPlan
from weft.engine.embedded.storage.retained import Turnover
from weft.files.environment import Environment, TableReader, Transaction
from weft.files.format import damaged, seal, seal_json, unseal, unseal_json

META, OBJECTS, UUIDS, DEAD = b"meta", b"objects", b"uuids", b"dead"
TABLES = (META, OBJECTS, UUIDS, DEAD)

_SHARD, _MODELS, _RETAINED = b"shard", b"models", b"retained"
_DOC_ID = struct.Struct(">I")
_BLOCK = struct.Struct(">H")
_ENTRY = struct.Struct(">II")
_SUM_BYTES = 8
_PAGE = 256
_EVERY = 1 << 32

_doc_key = _DOC_ID.pack
_checksum = xxhash.xxh3_64_digest


class ShardState(NamedTuple):
    """What is kept in memory."""

    next_doc_id: int
    live: BitMap
    models: Mapping[str, str]
    retained: BitMap
    """Dead, with a record."""


class ObjectTables:
    def __init__(self, env: TableReader) -> None:
        self._env = env

    def load(self) -> ShardState | None:
        """None if nothing was ever stored."""
        meta = self._env.read(lambda txn: txn.get(_SHARD, None, self._env.tables[META]))
        if meta is None:
            return None
        next_doc_id = int(unseal_json(META, _SHARD, meta, self._env.path)["next_doc_id"])
        live = BitMap(range(next_doc_id)) - self._env.read(self._dead)
        retained = self._env.read(self._retained)
        stored = self._env.read(lambda txn: self._env.entries(txn, OBJECTS))
        if stored != len(live) + len(retained) or not live.isdisjoint(retained):
            expected = f"it should have {counted(len(live), 'object')} and {len(retained)} that were removed"
            raise damaged(self._env.path, f"{expected}, and has {counted(stored, 'record')}")
        return ShardState(next_doc_id, live, self._env.read(self._models), retained)

    def create(self, env: Environment) -> ShardState:
        """Writes the empty state to ``env``, which is read here."""
        env.write(lambda txn: self._write_meta(txn, 0))
        return ShardState(0, BitMap(), {}, BitMap())

    def next_doc_id(self) -> int:
        """Raises CorruptData when nothing was ever stored."""
        meta = self._env.read(lambda txn: txn.get(_SHARD, b"", self._env.tables[META]))
        return int(unseal_json(META, _SHARD, meta, self._env.path)["next_doc_id"])

    def dead_blocks(self) -> dict[bytes, bytes]:
        """The table of the dead doc_ids, as it is stored."""

        def body(txn: Transaction) -> dict[bytes, bytes]:
            with txn.cursor(self._env.tables[DEAD]) as cursor:
                return dict(cursor)

        return self._env.read(body)

    def dead_in(self, key: bytes, value: bytes) -> BitMap:
        """The doc_ids of an entry of ``dead_blocks``. Raises CorruptData."""
        return BitMap.deserialize(unseal(DEAD, key, value, self._env.path))

    def retained(self) -> BitMap:
        """The dead doc_ids that have a record."""
        return self._env.read(self._retained)

    def models(self) -> dict[str, str]:
        """What made the latest vectors of each name."""
        return self._env.read(self._models)

    def lookup(self, uuids: Sequence[bytes]) -> list[int | None]:
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
        """Every hit is read here, so a record is checked in place rather than by ``_record``."""
        table = self._env.tables[OBJECTS]

        def body(txn: Transaction) -> list[bytes | None]:
            get = txn.get
            found: list[bytes | None] = []
            for doc_id in doc_ids:
                value = get(_doc_key(doc_id), None, table)
                if value is None:
                    self._check_gone(txn, doc_id)
                    found.append(None)
                    continue
                record = value[_SUM_BYTES:]
                if _checksum(record, doc_id) != value[:_SUM_BYTES]:
                    raise self._damaged_record(doc_id)
                found.append(record)
            return found

        return self._env.read(body)

    def uuids(self, after: bytes | None, limit: int) -> list[tuple[bytes, int]]:
        """Up to ``limit`` in order of uuid, after ``after``."""

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

    def records(self, from_doc_id: int, limit: int, skipped: BitMap) -> Iterator[tuple[int, bytes]]:
        """Up to ``limit`` that are not ``skipped``, ascending; each page is from one snapshot."""
        while limit > 0:
            page = self._page(from_doc_id, min(limit, _PAGE), skipped)
            yield from page
            if len(page) < min(limit, _PAGE):
                return
            limit -= len(page)
            from_doc_id = page[-1][0] + 1

    def _page(self, from_doc_id: int, limit: int, skipped: BitMap) -> list[tuple[int, bytes]]:
        def body(txn: Transaction) -> list[tuple[int, bytes]]:
            found: list[tuple[int, bytes]] = []
            with txn.cursor(self._env.tables[OBJECTS]) as cursor:
                more = cursor.set_range(_doc_key(from_doc_id))
                while more and len(found) < limit:
                    key, value = cursor.item()
                    doc_id = int.from_bytes(key, "big")
                    if doc_id not in skipped:
                        found.append((doc_id, self._record(doc_id, value)))
                    more = cursor.next()
            return found

        return self._env.read(body)

    def verify(self, live: BitMap) -> None:
        """Reads every record and uuid; raises CorruptData unless they are those of ``live``."""
        records, uuids = BitMap(doc_id for doc_id, _ in self.records(0, _EVERY, BitMap())), BitMap()
        after: bytes | None = None
        while page := self.uuids(after, _PAGE):
            after = page[-1][0]
            uuids.update(doc_id for _, doc_id in page)
        if not live.issubset(records) or uuids != live:
            found = f"{counted(len(live & records), 'record')} of them and {counted(len(uuids), 'uuid')}"
            raise damaged(self._env.path, f"it should have {counted(len(live), 'object')}, and has {found}")

    def write(
        self, txn: Transaction, plan: CommitPlan, live: BitMap, turnover: Turnover, models: Mapping[str, str] | None
    ) -> None:
        """Writes the plan, after which ``live`` are the live doc_ids; and ``models`` if they change."""
        if plan.removed or turnover.purged:
            self.purge(txn, turnover)
        self._write_records(txn, plan)
        self._write_uuids(txn, plan)
        for block in sorted({doc_id >> 16 for doc_id in (*plan.removed, *plan.superseded)}):
            key = _BLOCK.pack(block)
            whole = BitMap(range(block << 16, min((block + 1) << 16, plan.next_doc_id)))
            txn.put(key, seal(DEAD, key, (whole - live).serialize()), db=self._env.tables[DEAD])
        self._write_meta(txn, plan.next_doc_id)
        if models is not None:
            self.write_models(txn, models)

    def write_models(self, txn: Transaction, models: Mapping[str, str]) -> None:
        txn.put(_MODELS, seal_json(META, _MODELS, models), db=self._env.tables[META])

    def purge(self, txn: Transaction, turnover: Turnover) -> None:
        """Deletes and retains records of removed objects."""
        if turnover.purged:
            with txn.cursor(self._env.tables[OBJECTS]) as cursor:
                for doc_id in turnover.purged:
                    if cursor.set_key(_doc_key(doc_id)):
                        cursor.delete()
        table = self._env.tables[META]
        if turnover.retained:
            txn.put(_RETAINED, seal(META, _RETAINED, turnover.retained.serialize()), db=table)
        else:
            txn.delete(_RETAINED, db=table)

    def _write_records(self, txn: Transaction, plan: CommitPlan) -> None:
        with txn.cursor(self._env.tables[OBJECTS]) as cursor:
            records = [(_doc_key(doc_id), _checksum(put.record, doc_id) + put.record) for doc_id, put in plan.puts]
            cursor.putmulti(records, append=True)

    def _write_uuids(self, txn: Transaction, plan: CommitPlan) -> None:
        entries: list[tuple[bytes, bytes]] = []
        with txn.cursor(self._env.tables[UUIDS]) as cursor:
            for uuid in sorted(plan.uuids):
                doc_id = plan.uuids[uuid]
                if doc_id is not None:
                    entries.append((uuid, _ENTRY.pack(doc_id, _uuid_checksum(uuid, doc_id))))
                elif cursor.set_key(uuid):
                    cursor.delete()
            cursor.putmulti(entries)

    def _write_meta(self, txn: Transaction, next_doc_id: int) -> None:
        txn.put(_SHARD, seal_json(META, _SHARD, {"next_doc_id": next_doc_id}), db=self._env.tables[META])

    def _record(self, doc_id: int, value: bytes) -> bytes:
        record = value[_SUM_BYTES:]
        if _checksum(record, doc_id) != value[:_SUM_BYTES]:
            raise self._damaged_record(doc_id)
        return record

    def _damaged_record(self, doc_id: int) -> CorruptData:
        return damaged(self._env.path, f"object {doc_id} fails its checksum")

    def _doc_id(self, uuid: bytes, entry: bytes) -> int:
        if len(entry) == _ENTRY.size:
            doc_id, checksum = _ENTRY.unpack(entry)
            if checksum == _uuid_checksum(uuid, doc_id):
                return int(doc_id)
        raise damaged(self._env.path, f"the entry of uuid {uuid.hex()} fails its checksum")

    def _check_gone(self, txn: Transaction, doc_id: int) -> None:
        """Raises CorruptData if ``doc_id``, whose record is missing, is live in the snapshot."""
        path, tables = self._env.path, self._env.tables
        meta = unseal_json(META, _SHARD, txn.get(_SHARD, b"", tables[META]), path)
        key = _BLOCK.pack(doc_id >> 16)
        dead = txn.get(key, None, tables[DEAD])
        if dead is not None and doc_id in BitMap.deserialize(unseal(DEAD, key, dead, path)):
            return
        if doc_id < meta["next_doc_id"]:
            raise damaged(path, f"object {doc_id} is live, but its record is missing")

    def _models(self, txn: Transaction) -> dict[str, str]:
        stated = txn.get(_MODELS, None, self._env.tables[META])
        return {} if stated is None else dict(unseal_json(META, _MODELS, stated, self._env.path))

    def _retained(self, txn: Transaction) -> BitMap:
        stored = txn.get(_RETAINED, None, self._env.tables[META])
        return BitMap() if stored is None else BitMap.deserialize(unseal(META, _RETAINED, stored, self._env.path))

    def _dead(self, txn: Transaction) -> BitMap:
        with txn.cursor(self._env.tables[DEAD]) as cursor:
            blocks = [BitMap.deserialize(unseal(DEAD, key, value, self._env.path)) for key, value in cursor]
        return BitMap.union(*blocks) if blocks else BitMap()


def _uuid_checksum(uuid: bytes, doc_id: int) -> int:
    return xxhash.xxh3_64_intdigest(uuid, doc_id) & 0xFFFFFFFF
