"""The files of a shard, checked while no server has them: store, vectors, and indexes against both.

Nothing is written but LMDB's table of readers. A store whose structure is not whole is not opened.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from pyroaring import BitMap

from weft.domain.errors import CorruptData, Misconfigured, OperatorError, WeftError
from weft.domain.findings import Finding
from weft.domain.objects import format_uuid
from weft.domain.schema import CollectionConfig
from weft.engine.embedded.checking_indexes import check_indexes
from weft.engine.embedded.storage.append_file import BLOCK_BYTES
from weft.engine.embedded.storage.followed_vectors import FollowedVectors, records_of
from weft.engine.embedded.storage.object_tables import UUIDS, ObjectTables
from weft.engine.embedded.storage.rows import TokenRows
from weft.engine.embedded.storage.shard_store import TABLES
from weft.engine.embedded.storage.vector_file import StoredVectors
from weft.files import format, meta_pages
from weft.files.followed_environment import EnvironmentSnapshot, FollowedEnvironment
from weft.files.lineage import UNKNOWN, check_lineage
from weft.files.mending import mended_meta
from weft.files.structure import check_structure

_NAMED = 5
"""So many lost objects are named."""


class ShardCheck(NamedTuple):
    objects: int
    findings: list[Finding]


class _Store(NamedTuple):
    """What could be read of a store."""

    snapshot: EnvironmentSnapshot
    live: BitMap
    uuids: dict[int, bytes]


def check_shard(folder: Path, config: CollectionConfig, *, required: bool) -> ShardCheck:
    """``required``: the shard exists, so that its folder must be there; a tenant's is made when it is first used."""
    store = folder / "store"
    if not store.exists():
        return ShardCheck(0, [_offline(store, format.damaged(store, "the folder is missing"))] if required else [])
    findings: list[Finding] = []
    path = store / "objects.mdb"
    try:
        marked = format.marked(store, "shard")
    except Misconfigured as error:
        return ShardCheck(0, [Finding(str(store), error.message, way_out="use that version of Weft")])
    except CorruptData as error:
        marked = format.FORMAT
        findings.append(_marker(store, error))
    if not marked:
        return ShardCheck(0, [])  # a crash came while it was made
    try:
        meta_pages.check(path)
        check_structure(path)
        env = FollowedEnvironment(path, TABLES)
    except (WeftError, OSError) as error:
        return ShardCheck(0, [_offline(path, error)])
    with closing(env):
        try:
            opened = _read(path, env, marked)
        except WeftError as error:
            return ShardCheck(0, [_offline(path, error)])
        findings += _objects(path, opened)
        findings += _vectors(store, opened)
        if not any(one.lost for one in findings):  # which cannot be compared with what is lost
            findings += check_indexes(folder, config, env)
        return ShardCheck(len(opened.live), findings)


def _offline(path: Path, error: WeftError | OSError) -> Finding:
    what = str(error.facts.get("what", error.message)) if isinstance(error, WeftError) else str(error)
    mend = mended_meta(path) if path.is_file() else None
    if mend is not None:
        return Finding(str(path), what, way_out="weft check --repair puts its head right", mend=mend)
    way_out = "restore the collection from a backup, or put the file back as it was"
    return Finding(str(path), what, lost="all objects of it, unless a backup has them", way_out=way_out)


def _marker(store: Path, error: CorruptData) -> Finding:
    def mend() -> None:
        format.mark(store, "shard", sync=True)

    what = str(error.facts.get("what", error.message))
    return Finding(str(store / format.MARKER), what, way_out="weft check --repair writes it again", mend=mend)


def _read(path: Path, env: FollowedEnvironment, marked: int) -> _Store:
    snapshot = env.begin()
    if marked > format.UNNUMBERED:
        snapshot.read(lambda txn: check_lineage(txn, path))
    state = ObjectTables(snapshot).load()
    if state is None:
        raise format.damaged(path, "it does not hold the shard that was created in it")
    return _Store(snapshot, state.live, {})


def _objects(path: Path, store: _Store) -> list[Finding]:
    """Every uuid and record, each by itself."""
    tables = ObjectTables(store.snapshot)
    lost: list[str] = []

    def keys(txn: Any) -> list[bytes]:
        with txn.cursor(store.snapshot.tables[UUIDS]) as cursor:
            return list(cursor.iternext(keys=True, values=False))

    for uuid in store.snapshot.read(keys):
        try:
            (doc_id,) = tables.lookup([uuid])
        except CorruptData:
            lost.append(f"object {format_uuid(uuid)}")
            continue
        assert doc_id is not None, "the key was just read"
        store.uuids[doc_id] = uuid
    for doc_id in store.live:
        try:
            if tables.read([doc_id]) == [None]:
                raise format.damaged(path, "a record is missing")
        except CorruptData:
            lost.append(_called(store, doc_id))
    lost += [f"the id of an object (number {doc_id})" for doc_id in store.live if doc_id not in store.uuids][:_NAMED]
    if not lost:
        return []
    way_out = "import these objects again, or restore the collection from a backup"
    return [Finding(str(path), "records fail their checksums", lost=_listed(lost), way_out=way_out)]


def _vectors(store_folder: Path, store: _Store) -> list[Finding]:
    findings: list[Finding] = []
    vectors = FollowedVectors(store_folder / "vectors", UNKNOWN)
    for number, record in store.snapshot.read(lambda txn: records_of(store.snapshot, txn)):
        file = vectors.opened(number, record)
        name, path = str(record["name"]), str(file.path)
        spans: list[tuple[int, int]] = []
        try:
            if record["rows"]:
                vectors.extend(store.snapshot, file, record)
        except (CorruptData, OperatorError) as error:
            if file.count != record["rows"]:
                lost = f"the vectors {name!r} of all objects"
                findings.append(Finding(path, str(error.facts.get("what", error.message)), lost, _VECTORS_BACK))
                continue
            length = int(record["bytes"])
            spans.append((length - length % BLOCK_BYTES, length))
        for start in range(0, len(file.file.checksums) * BLOCK_BYTES, BLOCK_BYTES):
            try:
                file.file.verify(start, start + BLOCK_BYTES)
            except CorruptData:
                spans.append((start, start + BLOCK_BYTES))
        lost_ids = [doc_id for doc_id in _touched(file, spans) if doc_id in store.live]
        if spans:
            what = f"{len(spans)} of its blocks fail their checksums"
            called = [f"vector {name!r} of {_called(store, doc_id)}" for doc_id in lost_ids]
            findings.append(Finding(path, what, _listed(called) if called else "", _VECTORS_BACK))
    return findings


_VECTORS_BACK = (
    "import these objects again, or restore the collection from a backup; searches of the vector are refused"
)


def _touched(file: StoredVectors, spans: Sequence[tuple[int, int]]) -> list[int]:
    """The doc_ids of the rows that have a byte in one of the spans."""
    rows = file.rows
    if not spans or not len(rows):
        return []
    floats = rows.tokens if isinstance(rows, TokenRows) else rows.vectors
    offsets = rows.offsets if isinstance(rows, TokenRows) else np.arange(len(rows) + 1)
    bytes_at = offsets * floats.shape[1] * floats.itemsize
    hit = np.zeros(len(rows), np.bool_)
    for start, stop in spans:
        hit |= (bytes_at[:-1] < stop) & (bytes_at[1:] > start)
    found: list[int] = rows.doc_ids[hit].tolist()
    return found


def _called(store: _Store, doc_id: int) -> str:
    uuid = store.uuids.get(doc_id)
    return f"object {format_uuid(uuid)}" if uuid is not None else f"an object (number {doc_id})"


def _listed(lost: Sequence[str]) -> str:
    more = len(lost) - _NAMED
    return ", ".join(lost[:_NAMED]) + (f" and {more} more" if more > 0 else "")
