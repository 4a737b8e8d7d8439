"""Committer: from changes to one commit of the store, without the changes whose conditions do not hold.

Called by one thread at a time, the one that has the shard's turn to write.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pyroaring import BitMap

from weft.domain.errors import Conflict, Invalid
from weft.domain.objects import format_uuid
from weft.engine.changes import Done, Outcome, Upsert
from weft.engine.embedded.staged import Staged
from weft.engine.embedded.storage import Applied, Delete, Put, ShardStore
from weft.engine.record import created_of, with_created

_NEW, _REPLACED = Done(False), Done(True)


class Committer:
    def __init__(self, store: ShardStore) -> None:
        self._store = store

    def commit(
        self, changes: Sequence[Staged], named: Sequence[BitMap]
    ) -> tuple[list[Outcome], list[tuple[Staged, int | None]]]:
        """One outcome for each change, in order; and each change that is now durable, with its doc_id.

        The states ``named`` stay readable.
        """
        outcomes: list[Outcome] = [_NEW] * len(changes)
        uuids = [c.change.object.uuid if isinstance(c.change, Upsert) else c.change.uuid for c in changes]
        found = dict(zip(uuids, self._store.lookup(uuids), strict=True))
        writes, positions = self._admit(changes, uuids, dict(found), outcomes)
        if not writes:
            return outcomes, []
        positions, applied = self._write(writes, positions, outcomes, named, found)
        for position, one in zip(positions, applied, strict=True):
            outcomes[position] = _NEW if one.replaced is None else _REPLACED
        return outcomes, [(changes[p], one.doc_id) for p, one in zip(positions, applied, strict=True)]

    def _write(
        self,
        writes: list[Put | Delete],
        positions: list[int],
        outcomes: list[Outcome],
        named: Sequence[BitMap],
        found: Mapping[bytes, int | None],
    ) -> tuple[list[int], list[Applied]]:
        """Commit; changes with invalid vectors are left out, and their refusals go into ``outcomes``."""
        try:
            return positions, self._store.commit(writes, named, found)
        except Invalid:
            refused = self._store.check(writes)
            if not refused:
                raise
        for i, error in refused.items():
            outcomes[positions[i]] = error
        writes = [w for i, w in enumerate(writes) if i not in refused]
        positions = [p for i, p in enumerate(positions) if i not in refused]
        return positions, self._store.commit(writes, named, found) if writes else []

    def _admit(
        self,
        changes: Sequence[Staged],
        uuids: Sequence[bytes],
        known: dict[bytes, int | None],
        outcomes: list[Outcome],
    ) -> tuple[list[Put | Delete], list[int]]:
        """The store's writes for the changes whose conditions hold; refusals of the others go into ``outcomes``.

        ``known``: the stored doc_ids, from which those that are removed are taken.
        """
        created = self._created([doc_id for doc_id in known.values() if doc_id is not None])
        writes: list[Put | Delete] = []
        positions: list[int] = []
        stored_now: dict[bytes, int] = {}
        for position, (uuid, staged) in enumerate(zip(uuids, changes, strict=True)):
            doc_id = known[uuid]
            change = staged.change
            refusal = _refusal(staged, uuid, doc_id, written=uuid in stored_now)
            if refusal is not None:
                outcomes[position] = refusal
                continue
            positions.append(position)
            if not isinstance(change, Upsert):
                stored_now.pop(uuid, None)
                known[uuid] = None
                writes.append(Delete(uuid))
                continue
            record, obj = staged.record, change.object
            born = stored_now.get(uuid) if uuid in stored_now else created.get(doc_id) if doc_id is not None else None
            if born is not None:
                record = with_created(record, born)
                obj.created_ms = born
            stored_now[uuid] = obj.created_ms
            writes.append(Put(uuid, record, obj.vectors, obj.models))
        return writes, positions

    def _created(self, doc_ids: list[int]) -> dict[int, int]:
        if not doc_ids:
            return {}
        records = self._store.read(doc_ids)
        return {d: created_of(r) for d, r in zip(doc_ids, records, strict=True) if r is not None}


def _refusal(staged: Staged, uuid: bytes, doc_id: int | None, *, written: bool) -> Conflict | None:
    """Why the change cannot be stored, or None. ``written``: another change of the same commit stores the uuid."""
    change = staged.change
    if isinstance(change, Upsert) and change.insert_only and (written or doc_id is not None):
        return Conflict(f"id '{format_uuid(uuid)}' already exists")
    if staged.expected is not None and (written or staged.expected != doc_id):
        return Conflict(f"object {format_uuid(uuid)} was changed by another request; read it and try again")
    return None
