"""Changing stored objects in place: read, edit, write, with their vectors and creation times as they were.

When another request changes an object between reading and writing, the edit is made again on what is there then; after
some tries other writers are made to wait, so that an object which everyone changes is changed by everyone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import TypeAlias

from weft.domain.clock import now_ms
from weft.domain.errors import Conflict, NotFound, WeftError
from weft.domain.objects import Object, Properties, Vector, format_uuid
from weft.engine.embedded.changes import Upsert
from weft.engine.embedded.shard import Shard

Edit: TypeAlias = Callable[[Properties], Properties | None]
"""The properties that change, with their new values; None when nothing does. May be called more than once."""

ATTEMPTS = 20
"""Of one edit; all but the first few have the shard to themselves where that is possible."""

_FREE_ATTEMPTS = 3


def turn(shard: Shard, attempt: int, *, asks_modules: bool = False) -> AbstractContextManager[object]:
    """What to hold during an attempt (from 0): nothing at first, then the turn to write.

    An edit that may have to ask a module for a vector never holds anything, for the answer can take long.
    """
    return nullcontext() if asks_modules or attempt < _FREE_ATTEMPTS else shard.writing


def edit_stored(shard: Shard, edits: Mapping[bytes, Edit]) -> dict[bytes, WeftError]:
    """Make each edit to the object of its uuid; the errors of those that could not be made.

    Vectors and creation times stay. Raises WeftError when nothing at all could be written.
    """
    errors: dict[bytes, WeftError] = {}
    waiting = dict(edits)
    for attempt in range(ATTEMPTS):
        for uuid in waiting:
            errors.pop(uuid, None)
        with turn(shard, attempt):
            changes = _changes(shard, waiting, errors)
            outcomes = shard.submit(changes)
        failed = {c.object.uuid: o for c, o in zip(changes, outcomes, strict=True) if isinstance(o, WeftError)}
        errors.update(failed)
        waiting = {uuid: edits[uuid] for uuid, error in failed.items() if isinstance(error, Conflict)}
        if not waiting:
            break
    return errors


def _changes(shard: Shard, edits: Mapping[bytes, Edit], errors: dict[bytes, WeftError]) -> list[Upsert]:
    """What the edits make of the objects as they are now."""
    stored = _stored(shard, list(edits))
    edited: list[tuple[int, Object]] = []
    now = now_ms()
    for uuid, edit in edits.items():
        found = stored.get(uuid)
        if found is None:
            errors[uuid] = NotFound(f"no object with id '{format_uuid(uuid)}' in class {shard.config.name}")
            continue
        doc_id, obj = found
        changed = edit(obj.properties)
        if changed is not None:
            obj.properties.update(changed)
            obj.updated_ms = now
            edited.append((doc_id, obj))
    _give_vectors(shard, edited)
    records = shard.encode([obj for _, obj in edited])
    return [Upsert(obj, record, expected_doc_id=doc_id) for (doc_id, obj), record in zip(edited, records, strict=True)]


def _stored(shard: Shard, uuids: Sequence[bytes]) -> dict[bytes, tuple[int, Object]]:
    """The doc_id and the object of each uuid that exists, without vectors."""
    found: dict[bytes, tuple[int, Object]] = {}
    waiting = list(uuids)
    while waiting:
        known = [(u, d) for u, d in zip(waiting, shard.lookup(waiting), strict=True) if d is not None]
        records = shard.read([doc_id for _, doc_id in known])
        waiting = []
        for (uuid, doc_id), record in zip(known, records, strict=True):
            if record is None:
                waiting.append(uuid)  # replaced since the look-up
            else:
                found[uuid] = doc_id, record.to_object()
    return found


def _give_vectors(shard: Shard, objects: Sequence[tuple[int, Object]]) -> None:
    doc_ids = [doc_id for doc_id, _ in objects]
    for name in shard.config.vectors:
        vectors: list[Vector | None] = shard.vectors_of(name, doc_ids)
        for (_, obj), vector in zip(objects, vectors, strict=True):
            if vector is not None:
                obj.vectors[name] = vector
