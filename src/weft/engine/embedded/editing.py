"""Editing stored objects: read, edit, write, keeping their vectors and creation times.

When another caller changes an object between reading and writing, the edit is repeated on the new state; after some
tries other writers must wait, so that every edit of a contended object succeeds in the end.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import nullcontext

from weft.domain.errors import Conflict, NotFound, WeftError
from weft.domain.objects import format_uuid
from weft.engine.changes import Edit, Upsert
from weft.engine.embedded.shard_writer import ShardWriter
from weft.engine.embedded.staged import Staged
from weft.engine.view import find_objects

ATTEMPTS = 20
"""Of one edit; after the first few the shard is locked for other writers, where that is possible."""

_FREE_ATTEMPTS = 3


def edit_stored(writer: ShardWriter, edits: Mapping[bytes, Edit], *, exclusive: bool) -> dict[bytes, WeftError]:
    """See ``Part.edit``."""
    errors: dict[bytes, WeftError] = {}
    waiting = dict(edits)
    for attempt in range(ATTEMPTS):
        for uuid in waiting:
            errors.pop(uuid, None)
        alone = exclusive and attempt >= _FREE_ATTEMPTS
        with writer.turn if alone else nullcontext():
            uuids, changes = _changes(writer, waiting, errors)
            try:
                outcomes = writer.submit(changes, first=alone)
            except WeftError as error:
                if attempt == 0:
                    raise
                outcomes = [error] * len(changes)  # those that were written before have no error
        failed = {uuid: o for uuid, o in zip(uuids, outcomes, strict=True) if isinstance(o, WeftError)}
        errors.update(failed)
        waiting = {uuid: edits[uuid] for uuid, error in failed.items() if isinstance(error, Conflict)}
        if not waiting:
            break
    return errors


def _changes(
    writer: ShardWriter, edits: Mapping[bytes, Edit], errors: dict[bytes, WeftError]
) -> tuple[list[bytes], list[Staged]]:
    """The changes that result from the edits of the objects as they are now, and the uuid of each."""
    view = writer.view
    uuids: list[bytes] = []
    changes: list[Staged] = []
    for (uuid, edit), found in zip(edits.items(), find_objects(view, list(edits), vectors=True), strict=True):
        if found is None:
            errors[uuid] = NotFound(f"no object with id '{format_uuid(uuid)}' in class {writer.config.name}")
            continue
        doc_id, obj = found
        try:
            edited = edit(obj)
        except WeftError as error:
            errors[uuid] = error
            continue
        if edited is not None:
            uuids.append(uuid)
            changes.append(Staged(Upsert(edited), writer.codec.encode(edited), doc_id))
    return uuids, changes
