"""RemotePart: one collection, or one tenant of it, in a remote engine."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from typing import Final

from weft.domain.clock import now_ms
from weft.domain.deadline import unbounded
from weft.domain.errors import Conflict, Invalid, NotFound, WeftError
from weft.domain.filters import Filter
from weft.domain.objects import format_uuid
from weft.domain.schema import CollectionConfig
from weft.engine.changes import Change, Edit, Outcome, Removed
from weft.engine.embedded.expiry import expired_at
from weft.engine.record import RecordCodec
from weft.engine.remote.judge import Judge
from weft.engine.remote.keys import MODELS, VERSION, RowKeys
from weft.engine.remote.row_test import EVERYTHING, AnyOf, IdIn, RowTest, all_of, one_of
from weft.engine.remote.store import AT_ONCE, RemoteRows, RemoteStore, RowLayout
from weft.engine.remote.turns import WriteTurn
from weft.engine.remote.view import RemoteView
from weft.engine.remote.word_statistics import KeptStatistics
from weft.engine.remote.writing import Edited, RowWriter
from weft.engine.selection import Resolve
from weft.engine.view import find_objects

ATTEMPTS: Final = 20
_FREE_ATTEMPTS: Final = 3
_REMOVALS: Final = 10
"""How often what others write meanwhile is judged and removed again."""


@dataclass(slots=True)
class PartState:
    """What this server knows of a part between two requests. ``gone``: deleted or deactivated."""

    turn: WriteTurn = field(default_factory=WriteTurn)
    statistics: KeptStatistics = field(default_factory=KeptStatistics)
    read_only: bool = False
    gone: bool = False


@dataclass(frozen=True, slots=True)
class Configured:
    """What follows from a configuration, and is made once for it."""

    layout: RowLayout
    keys: RowKeys
    codec: RecordCodec
    writer: RowWriter
    checker: Judge
    """Of no objects; any number of threads have filters checked by it."""


class RemotePart:
    """``current``: of the collection, whose configuration may change while the part is in use."""

    def __init__(
        self, store: RemoteStore, tenant: str | None, current: Callable[[], Configured], state: PartState
    ) -> None:
        self._store = store
        self._tenant = tenant
        self._current = current
        self._abilities = store.abilities
        self._state = state

    @property
    def _configured(self) -> Configured:
        return self._current()

    @property
    def _rows(self) -> RemoteRows:
        return self._store.rows(self._configured.layout, self._tenant)

    @property
    def config(self) -> CollectionConfig:
        return self._configured.keys.config

    @property
    def count(self) -> int:
        return self._rows.count([EVERYTHING])[0]

    @property
    def read_only(self) -> bool:
        return self._state.read_only

    @property
    def models(self) -> Mapping[str, str]:
        """Where objects have vectors of several models, the one that most have."""
        counted = self._rows.facet(MODELS, EVERYTHING)
        rising = sorted((times, str(value)) for value, times in counted.items())
        return dict(value.split("\n", 1) for _, value in rising)

    def view(self, *, expired: bool = False) -> RemoteView:
        """Expired objects are hidden, with a resolution of a second."""
        expiry = self.config.expiry
        hidden = None
        if expiry is not None and expiry.hidden and not expired:
            hidden = expired_at(expiry, now_ms() // 1000)
        made, state = self._configured, self._state
        rows = self._store.rows(made.layout, self._tenant)
        return RemoteView(
            rows, made.keys, made.codec, made.checker, self._abilities, state.statistics, hidden, self._check_there
        )

    def write(self, changes: Sequence[Change]) -> list[Outcome]:
        self._check_writable()
        with self._state.turn.shared(), unbounded():
            try:
                made = self._configured
                return made.writer.apply(self._store.rows(made.layout, self._tenant), changes)
            finally:
                self._state.statistics.forget()

    def edit(self, edits: Mapping[bytes, Edit], *, exclusive: bool = True) -> dict[bytes, WeftError]:
        self._check_writable()
        errors: dict[bytes, WeftError] = {}
        waiting = dict(edits)
        for attempt in range(ATTEMPTS):
            for uuid in waiting:
                errors.pop(uuid, None)
            alone = exclusive and attempt >= _FREE_ATTEMPTS
            with self._state.turn.alone() if alone else nullcontext():
                changes = self._edited(waiting, errors)
                try:
                    failed = self._replace(changes)
                except WeftError as error:
                    if attempt == 0:
                        raise
                    failed = {change.object.uuid: error for change in changes}
            errors.update(failed)
            waiting = {uuid: edits[uuid] for uuid, error in failed.items() if isinstance(error, Conflict)}
            if not waiting:
                break
        return errors

    def remove(self, filter: Filter, limit: int, *, dry_run: bool = False, resolve: Resolve | None = None) -> Removed:
        """In order of uuid."""
        return self._remove_seen(self.view(), filter, limit, dry_run=dry_run, resolve=resolve)

    def remove_expired(self, filter: Filter, limit: int) -> int:
        """Remove up to ``limit`` objects that ``filter`` selects, hidden ones too; how many."""
        removed = self._remove_seen(self.view(expired=True), filter, limit, dry_run=False, resolve=None)
        return sum(error is None for _, error in removed.outcomes)

    def _remove_seen(
        self, view: RemoteView, filter: Filter, limit: int, *, dry_run: bool, resolve: Resolve | None
    ) -> Removed:
        chosen = view.select(filter, resolve)
        doc_ids = chosen.first(limit)
        matches = len(chosen) if len(doc_ids) == limit else len(doc_ids)
        uuids = view.uuids(doc_ids.tolist())
        if dry_run:
            return Removed(matches, [(uuid, None) for uuid in uuids])
        self._check_writable()
        versions = {
            uuid: view.handles.body(doc_id).version for uuid, doc_id in zip(uuids, doc_ids.tolist(), strict=True)
        }
        outcomes: dict[bytes, WeftError | None] = {}
        try:
            with unbounded():
                for start in range(0, len(uuids), AT_ONCE):
                    some = {uuid: versions[uuid] for uuid in uuids[start : start + AT_ONCE]}
                    outcomes |= self._remove(view, filter, resolve, chosen.bounds.least, some)
        finally:
            self._state.statistics.forget()
        ordered = [(uuid, outcomes[uuid]) for uuid in uuids if uuid in outcomes]
        return Removed(matches - len(uuids) + len(ordered), ordered)

    def _remove(
        self,
        view: RemoteView,
        filter: Filter,
        resolve: Resolve | None,
        certain: RowTest,
        versions: dict[bytes, str],
    ) -> dict[bytes, WeftError | None]:
        """The outcomes of those that satisfied ``filter`` when they were to be removed.

        One that is there afterwards was written meanwhile: it is judged by its new state.
        """
        outcomes: dict[bytes, WeftError | None] = dict.fromkeys(versions)
        for _ in range(_REMOVALS):
            where = all_of((IdIn(tuple(versions)), one_of((certain, AnyOf(VERSION, tuple(versions.values()))))))
            with self._state.turn.shared(), self._configured.writer.alone(list(versions)):
                self._rows.delete(where)
            view = view.again()
            doc_ids = [doc_id for doc_id in view.find(list(versions)) if doc_id is not None]
            if not doc_ids:
                return outcomes
            there = view.uuids(doc_ids)
            still = view.still(filter, resolve, doc_ids)
            for uuid, matching in zip(there, still, strict=True):
                if not matching:
                    del outcomes[uuid]
            versions = {
                uuid: view.handles.body(doc_id).version
                for uuid, doc_id, matching in zip(there, doc_ids, still, strict=True)
                if matching
            }
            if not versions:
                return outcomes
        for uuid in versions:
            outcomes[uuid] = Conflict(f"object {format_uuid(uuid)} is changed by others all the time; try again")
        return outcomes

    def _edited(self, edits: Mapping[bytes, Edit], errors: dict[bytes, WeftError]) -> list[Edited]:
        """What the edits make of the objects as they are now."""
        view = self.view(expired=True)
        changes: list[Edited] = []
        for (uuid, edit), found in zip(edits.items(), find_objects(view, list(edits), vectors=True), strict=True):
            if found is None:
                errors[uuid] = NotFound(f"no object with id '{format_uuid(uuid)}' in class {self.config.name}")
                continue
            doc_id, obj = found
            vectors = dict(obj.vectors)
            try:
                edited = edit(obj)
            except WeftError as error:
                errors[uuid] = error
                continue
            if edited is not None:
                changes.append(Edited(edited, view.handles.body(doc_id), vectors))
        return changes

    def _replace(self, changes: Sequence[Edited]) -> dict[bytes, WeftError]:
        if not changes:
            return {}
        with self._state.turn.shared(), unbounded():
            try:
                made = self._configured
                return made.writer.replace(self._store.rows(made.layout, self._tenant), changes)
            finally:
                self._state.statistics.forget()

    def _check_there(self) -> None:
        if self._state.gone:
            raise NotFound(f"the objects of class {self.config.name} are gone: it was deleted, or is not active")

    def _check_writable(self) -> None:
        self._check_there()
        if self._state.read_only:
            raise Invalid("store is read-only")
