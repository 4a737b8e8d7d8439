"""RowWriter: changes of objects as writes of rows.

A row's version is the token of its latest write. An edit replaces the version that it has read, and nothing else; so it
never overwrites what it has not seen. Engines do not say whether a conditional write was applied, so the row is read
back: its history has the token, also when others have written since.

An engine without conditional writes gets them from a lock, which every write of these objects holds: the version is
then read and compared here.

A plain upsert reads what is there (for its creation time and its history) and writes unconditionally. Where two of them
meet, the later one stands, and an edit between them is made again, on top of it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Final, TypeAlias
from uuid import uuid4

import numpy as np

from weft.domain.errors import Conflict, TooLarge, WeftError
from weft.domain.objects import Object, Vector, format_uuid
from weft.engine.changes import Change, Done, Outcome, Remove, Upsert
from weft.engine.record import RecordCodec, created_of, with_created
from weft.engine.remote.body import RowBody, decode_body
from weft.engine.remote.distances import norms_of
from weft.engine.remote.keys import VERSION, KeyValues, RowKeys
from weft.engine.remote.row_test import IdIn
from weft.engine.remote.store import AT_ONCE, OtherDimensions, RemoteAbilities, RemoteRows, StoredRow
from weft.engine.remote.words import dimensions_of

_HISTORY: Final = 32
"""Tokens that a row keeps: how many writes of others may come between a write and its reading back."""
_TOKEN_BYTES: Final = 8

Lock: TypeAlias = Callable[[Sequence[bytes]], AbstractContextManager[object]]
"""Uuids → a context in which no one else writes these objects; does nothing for an engine with conditional writes."""


@dataclass(frozen=True, slots=True)
class Edited:
    """``object`` in place of the row whose body is ``read``, with the vectors that it had."""

    object: Object
    read: RowBody
    vectors: Mapping[str, Vector]


class RowWriter:
    """``keys``: of the configuration, and of the one that is being prepared, if any. ``forget``: a vector that no row
    has may take other dimensions."""

    def __init__(
        self,
        codec: RecordCodec,
        keys: Sequence[RowKeys],
        abilities: RemoteAbilities,
        lock: Lock,
        forget: Callable[[str], None],
    ) -> None:
        self._codec = codec
        self._forget = forget
        self._lock = lock
        self._keys = keys
        self._abilities = abilities

    def alone(self, uuids: Sequence[bytes]) -> AbstractContextManager[object]:
        """Where the engine has no conditional writes, no one else writes these objects meanwhile."""
        return nullcontext() if self._abilities.conditional_writes else self._lock(uuids)

    def apply(self, rows: RemoteRows, changes: Sequence[Change]) -> list[Outcome]:
        """See ``Part.write``."""
        outcomes: list[Outcome] = []
        while len(outcomes) < len(changes):
            run = _run_of(changes, len(outcomes))
            with self.alone([_uuid(change) for change in run]):
                outcomes += self._apply(rows, run)
        return outcomes

    def _apply(self, rows: RemoteRows, changes: Sequence[Change]) -> list[Outcome]:
        """Changes of different objects."""
        uuids = [_uuid(change) for change in changes]
        known = {row.uuid: decode_body(row.body) for row in rows.fetch(uuids) if row is not None}
        plain: list[StoredRow] = []
        new: dict[bytes, tuple[StoredRow, str]] = {}
        gone: list[bytes] = []
        outcomes: dict[bytes, Outcome] = {uuid: Done(existed=uuid in known) for uuid in uuids}
        for change in changes:
            if isinstance(change, Remove):
                if change.uuid in known:
                    gone.append(change.uuid)
                continue
            uuid = change.object.uuid
            if change.insert_only and uuid in known:
                outcomes[uuid] = _exists(uuid)
                continue
            row, token = self._row(change.object, known.get(uuid), change.object.models)
            if change.insert_only and self._abilities.conditional_writes:
                new[uuid] = row, token
            else:
                plain.append(row)
        outcomes.update(self._write(rows, plain))
        if new:
            self._store(lambda: rows.insert([row for row, _ in new.values()]))
            applied = self._applied(rows, {uuid: token for uuid, (_, token) in new.items()})
            outcomes |= {uuid: _exists(uuid) for uuid in new if uuid not in applied}
        if gone:
            rows.delete(IdIn(tuple(gone)))
        return [outcomes[uuid] for uuid in uuids]

    def _write(self, rows: RemoteRows, plain: Sequence[StoredRow]) -> dict[bytes, WeftError]:
        """Stores the rows; the errors of those that are too large for the engine."""
        errors: dict[bytes, WeftError] = {}
        left = {format_uuid(row.uuid): row for row in plain}
        while left:
            try:
                self._store(lambda: rows.write(list(left.values())))
                break
            except TooLarge as error:
                refused = left.pop(str(error.facts.get("uuid")), None)
                if refused is None:
                    raise
                errors[refused.uuid] = error
        return errors

    def replace(self, rows: RemoteRows, edits: Sequence[Edited]) -> dict[bytes, WeftError]:
        """Conflicts, by uuid, for what was changed or removed since it was read."""
        tokens: dict[bytes, str] = {}
        written: list[StoredRow] = []
        for edit in edits:
            row, token = self._row(edit.object, edit.read, _models(edit))
            written.append(row)
            tokens[row.uuid] = token
        errors: dict[bytes, WeftError] = {}
        for start in range(0, len(written), AT_ONCE):
            part = written[start : start + AT_ONCE]
            versions = [edit.read.version for edit in edits[start : start + AT_ONCE]]
            applied = self._replace(rows, part, versions, tokens)
            for row in part:
                if row.uuid not in applied:
                    errors[row.uuid] = Conflict(f"object {format_uuid(row.uuid)} was changed by another request")
        return errors

    def _replace(
        self, rows: RemoteRows, some: Sequence[StoredRow], versions: Sequence[str], tokens: Mapping[bytes, str]
    ) -> set[bytes]:
        """The uuids of those whose stored rows had these versions."""
        if self._abilities.conditional_writes:
            self._store(lambda: rows.replace(some, VERSION, versions))
            return self._applied(rows, {row.uuid: tokens[row.uuid] for row in some})
        uuids = [row.uuid for row in some]
        with self.alone(uuids):
            found = zip(some, versions, rows.fetch(uuids), strict=True)
            same = [row for row, version, now in found if now is not None and decode_body(now.body).version == version]
            if same:
                self._store(lambda: rows.write(same))
        return {row.uuid for row in same}

    def _store(self, write: Callable[[], None]) -> None:
        """A vector that no object has any more may come with other dimensions."""
        left = len(self._keys[0].config.stored) if self._abilities.drops_vectors else 0
        while True:
            try:
                write()
            except OtherDimensions as error:
                if not left:
                    raise
                self._forget(error.name)
                left -= 1
            else:
                return

    def _applied(self, rows: RemoteRows, tokens: Mapping[bytes, str]) -> set[bytes]:
        """The rows whose histories have these tokens."""
        found = rows.fetch(list(tokens))
        return {row.uuid for row in found if row is not None and tokens[row.uuid] in decode_body(row.body).history}

    def _row(self, obj: Object, known: RowBody | None, models: Mapping[str, str]) -> tuple[StoredRow, str]:
        """The row, and the token of its write. ``obj`` gets the creation time of what it replaces."""
        record = self._codec.encode(obj)
        if known is not None:
            record = with_created(record, created_of(known.record))
        obj.created_ms = created_of(record)
        token = uuid4().bytes[:_TOKEN_BYTES].hex()
        history = (*(known.history if known is not None else ()), token)[-_HISTORY:]
        vectors = {name: np.ascontiguousarray(one, np.float32) for name, one in obj.vectors.items()}
        models = {name: model for name, model in models.items() if name in vectors}
        configured = self._keys[0].config.stored
        norms = {
            name: norms_of(vector)
            for name, vector in vectors.items()
            if configured[name].index.metric in self._abilities.normalised
        }
        body = RowBody(record, history, models, norms)
        values: dict[str, KeyValues] = {VERSION.name: [token]}
        words: dict[int, float] = {}
        for keys in self._keys:
            counted = keys.count_tokens(obj)
            values |= keys.of(obj, counted, models)
            if self._abilities.words:
                words |= dimensions_of(counted, keys)
        return StoredRow(obj.uuid, body.encode(), values, vectors, words), token


def _run_of(changes: Sequence[Change], start: int) -> Sequence[Change]:
    """As many changes from ``start`` on as are of different objects, and may be one call."""
    seen: set[bytes] = set()
    for end in range(start, min(len(changes), start + AT_ONCE)):
        uuid = _uuid(changes[end])
        if uuid in seen:
            return changes[start:end]
        seen.add(uuid)
    return changes[start : start + AT_ONCE]


def _uuid(change: Change) -> bytes:
    return change.object.uuid if isinstance(change, Upsert) else change.uuid


def _exists(uuid: bytes) -> Conflict:
    return Conflict(f"id '{format_uuid(uuid)}' already exists")


def _models(edit: Edited) -> dict[str, str]:
    """Of the vectors that it keeps, those that they had; of new ones their own."""
    kept = {
        name: model
        for name, model in edit.read.models.items()
        if name in edit.vectors
        and name in edit.object.vectors
        and np.array_equal(edit.vectors[name], edit.object.vectors[name])
    }
    return kept | edit.object.models
