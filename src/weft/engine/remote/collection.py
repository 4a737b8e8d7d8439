"""RemoteCollection: one collection in a remote engine, and what this server knows of its parts."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import Final

from weft.catalog.state import ShardEntry
from weft.domain.cluster import ShardFacts
from weft.domain.errors import NotFound, TenantNotFound
from weft.domain.objects import Object
from weft.domain.schema import CollectionConfig
from weft.domain.tenants import TenantStatus
from weft.engine.changes import Edit
from weft.engine.collection import check_active, shard_name
from weft.engine.driver import CollectionFiles
from weft.engine.filling import Embed
from weft.engine.record import RecordCodec
from weft.engine.remote.filling import fill
from weft.engine.remote.judge import Judge
from weft.engine.remote.keys import RowKeys
from weft.engine.remote.locks import RowLocks
from weft.engine.remote.part import Configured, PartState, RemotePart
from weft.engine.remote.row_test import EVERYTHING
from weft.engine.remote.store import RemoteStore, RowLayout
from weft.engine.remote.writing import Lock, RowWriter

_PREPARED_AT_ONCE: Final = 200


def layout_of(name: str, *keys: RowKeys) -> RowLayout:
    """Of the collection that the engine calls ``name``; with the keys of several configurations, of all of them."""
    config = keys[0].config
    found = {key.name: key for one in keys for key in one.all}
    vectors = {name: vector.index for one in keys for name, vector in one.config.stored.items()}
    words = any(text.field.searchable for one in keys for text in one.texts.values())
    indexed = frozenset().union(*(one.indexed for one in keys))
    return RowLayout(name, tuple(found.values()), indexed, vectors, words, config.tenancy.enabled)


def _no_object(doc_id: int) -> Object:
    raise AssertionError("a checker has no objects")


class RemoteCollection:
    """``name``: what the engine calls it. ``lock``: see ``RowWriter``; None: among the threads of this server."""

    def __init__(
        self,
        store: RemoteStore,
        name: str,
        config: CollectionConfig,
        shards: Mapping[str, ShardEntry],
        lock: Lock | None = None,
    ) -> None:
        self._store = store
        self._name = name
        self._lock = lock or RowLocks().hold
        self._entries = dict(shards)
        self._states: dict[str, PartState] = {entry.id: PartState() for entry in shards.values()}
        self._gone = False
        self._use(config, None)

    def _use(self, config: CollectionConfig, preparing: CollectionConfig | None) -> None:
        keys = RowKeys(config)
        every = [keys] if preparing is None else [keys, RowKeys(preparing)]
        codec = RecordCodec(config)
        layout = layout_of(self._name, *every)
        self._store.make(layout)
        self._preparing = preparing
        forget = partial(self._store.forget_vector, layout)
        writer = RowWriter(codec, every, self._store.abilities, self._lock, forget)
        self._configured = Configured(layout, keys, codec, writer, Judge(config, _no_object))

    @property
    def config(self) -> CollectionConfig:
        return self._configured.keys.config

    @property
    def files(self) -> CollectionFiles | None:
        return None

    def tenants(self) -> Mapping[str, TenantStatus]:
        return {name: entry.status for name, entry in self._entries.items()}

    def active(self) -> list[str]:
        return [name for name, entry in self._entries.items() if entry.status is TenantStatus.ACTIVE]

    @contextmanager
    def use(self, tenant: str | None) -> Iterator[RemotePart]:
        yield self.part(shard_name(self.config, tenant))

    def part(self, name: str) -> RemotePart:
        """The part of the active shard ``name``. Raises Invalid, NotFound."""
        entry = self._entries.get(name)
        if self._gone:
            raise NotFound(f"could not find class {self.config.name} in schema", collection=self.config.name)
        if entry is None:
            raise TenantNotFound(f'tenant not found: "{name}"', tenant=name)
        check_active(entry)
        return self._part(entry)

    def _part(self, entry: ShardEntry) -> RemotePart:
        tenant = entry.id if self.config.tenancy.enabled else None
        return RemotePart(self._store, tenant, lambda: self._configured, self._states[entry.id])

    # -- facts

    def count(self, name: str) -> int:
        entry = self._entries.get(name)
        return 0 if entry is None or self._gone else self._part(entry).count

    def facts(self, name: str | None = None, *, counted: bool = True) -> list[ShardFacts]:
        chosen = [one for one in self.active() if name in (None, one)]
        return [
            ShardFacts(
                self.config.name,
                one,
                self.count(one) if counted else None,
                is_open=True,
                read_only=self._states[self._entries[one].id].read_only,
            )
            for one in chosen
        ]

    def set_read_only(self, name: str, *, read_only: bool) -> None:
        self.part(name)
        self._states[self._entries[name].id].read_only = read_only

    # -- the configuration

    def check_whole(self) -> None:
        """Damage is the engine's own affair."""

    def configure(self, config: CollectionConfig) -> None:
        self._use(config, None)

    def prepare(
        self, name: str, config: CollectionConfig, go_on: Callable[[int], bool], *, rebuild: bool = False
    ) -> bool:
        """Every object is written again, with the keys of both configurations, and so is what is written meanwhile."""
        self.part(name)
        if self._preparing is not config:
            self._use(self.config, config)
        part = self.part(name)
        view = part.view(expired=True)
        after: bytes | None = None
        done = 0
        while True:
            page = view.page(after, _PREPARED_AT_ONCE).tolist()
            uuids = view.uuids(page)
            if uuids:
                same: Edit = lambda obj: obj  # noqa: E731
                part.edit(dict.fromkeys(uuids, same))
            done += len(uuids)
            if len(uuids) < _PREPARED_AT_ONCE:
                return go_on(done)
            if not go_on(done):
                return False
            after = uuids[-1]

    def fill(self, name: str, vector: str, embed: Embed, go_on: Callable[[int], bool]) -> bool:
        return fill(self.part(name), vector, embed, go_on)

    def forget_filled(self, name: str, vector: str) -> None:
        """What was made is in use."""

    def forget_prepared(self) -> None:
        if self._preparing is not None:
            self._use(self.config, None)

    # -- the catalog

    def follow(self, shards: Mapping[str, ShardEntry]) -> None:
        before = self._entries
        for entry in shards.values():
            self._states.setdefault(entry.id, PartState())
        self._entries = dict(shards)
        now = {entry.id: entry for entry in shards.values()}
        for entry in before.values():
            if entry.id not in now:
                self._states.pop(entry.id).gone = True
            elif now[entry.id].status is not TenantStatus.ACTIVE:
                self._states[entry.id].gone = True
                self._states[entry.id] = PartState()

    def settle(self, names: Iterable[str]) -> None:
        """Nothing is kept open."""

    def remove(self) -> None:
        """It is gone from the catalog; parts that are in use refuse every call."""
        self._gone = True
        for state in self._states.values():
            state.gone = True

    def remove_rows(self, entries: Iterable[ShardEntry]) -> None:
        """Of tenants that are gone from the catalog."""
        for entry in entries:
            self._store.rows(self._configured.layout, entry.id).delete(EVERYTHING)
