"""A driver in plain Python: every part is a dict, which ends with the process."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from reference.part import ReferencePart
from weft.catalog.state import CatalogEntry, ShardEntry
from weft.domain import instants
from weft.domain.cluster import ShardFacts
from weft.domain.errors import Inapplicable, NotFound, TenantNotFound, Unsupported
from weft.domain.filters import Condition, Operator, PropertyTarget
from weft.domain.schema import CollectionConfig
from weft.domain.tenants import TenantStatus
from weft.engine.capabilities import Capabilities
from weft.engine.collection import ONLY_SHARD
from weft.engine.driver import CollectionFiles, StoreCopy
from weft.engine.filling import Embed
from weft.engine.remote.filling import fill

_CAPABILITIES = Capabilities(
    name="reference",
    files=False,
    insertion_order=True,
    exact_vectors=True,
    conditional_writes=True,
    multivectors=True,
    snapshots=True,
    tenant_statuses=frozenset({TenantStatus.ACTIVE, TenantStatus.INACTIVE}),
)


class ReferenceCollection:
    def __init__(self, config: CollectionConfig, shards: Mapping[str, ShardEntry]) -> None:
        self._config = config
        self._entries = dict(shards)
        self._parts = {name: ReferencePart(config) for name in shards}
        self.gone = False

    @property
    def config(self) -> CollectionConfig:
        return self._config

    @property
    def files(self) -> CollectionFiles | None:
        return None

    def tenants(self) -> dict[str, TenantStatus]:
        return {name: entry.status for name, entry in self._entries.items()}

    def active(self) -> list[str]:
        return [name for name, entry in self._entries.items() if entry.status is TenantStatus.ACTIVE]

    @contextmanager
    def use(self, tenant: str | None) -> Iterator[ReferencePart]:
        if not self._config.tenancy.enabled and tenant:
            raise Inapplicable(
                f"class {self._config.name} has multi-tenancy disabled, but request was with tenant", tenant=tenant
            )
        if self._config.tenancy.enabled and not tenant:
            raise Inapplicable(f"class {self._config.name} has multi-tenancy enabled, but request was without tenant")
        name = tenant or ONLY_SHARD
        if self.gone:
            raise NotFound(f"could not find class {self._config.name} in schema", collection=self._config.name)
        entry = self._entries.get(name)
        if entry is None:
            raise TenantNotFound(f'tenant not found: "{name}"', tenant=name)
        if entry.status is not TenantStatus.ACTIVE:
            raise Inapplicable(f"tenant not active: '{name}'; activate it to use it", tenant=name, status=entry.status)
        yield self._parts[name]

    def count(self, name: str) -> int:
        return self._parts[name].count if name in self._parts else 0

    def facts(self, name: str | None = None, *, counted: bool = True) -> list[ShardFacts]:
        chosen = [one for one in self.active() if name in (None, one)]
        return [ShardFacts(self._config.name, one, self.count(one), True, self._parts[one].read_only) for one in chosen]

    def set_read_only(self, name: str, *, read_only: bool) -> None:
        with self.use(name if self._config.tenancy.enabled else None) as part:
            part.read_only = read_only

    def check_whole(self) -> None:
        pass

    def configure(self, config: CollectionConfig) -> None:
        self._config = config
        for part in self._parts.values():
            part.configure(config)

    def prepare(
        self, name: str, config: CollectionConfig, go_on: Callable[[int], bool], *, rebuild: bool = False
    ) -> bool:
        with self.use(name if self._config.tenancy.enabled else None) as part:
            return go_on(part.count)

    def fill(self, name: str, vector: str, embed: Embed, go_on: Callable[[int], bool]) -> bool:
        with self.use(name if self._config.tenancy.enabled else None) as part:
            return fill(part, vector, embed, go_on)

    def forget_filled(self, name: str, vector: str) -> None:
        pass

    def forget_prepared(self) -> None:
        pass

    def follow(self, shards: Mapping[str, ShardEntry]) -> None:
        for name in self._parts.keys() - shards.keys():
            self._parts.pop(name).gone = True
        for name in shards.keys() - self._parts.keys():
            self._parts[name] = ReferencePart(self._config)
        for name, entry in shards.items():
            if entry.status is not TenantStatus.ACTIVE:
                used, self._parts[name] = self._parts[name], ReferencePart(self._config)
                self._parts[name].state, used.gone = used.state, True
        self._entries = dict(shards)

    def settle(self, names: Iterable[str]) -> None:
        pass

    def parts(self) -> list[ReferencePart]:
        return [self._parts[name] for name in self.active()]

    def remove(self) -> None:
        self.gone = True
        for part in self._parts.values():
            part.gone = True


class ReferenceDriver:
    def __init__(self) -> None:
        self._collections: dict[str, ReferenceCollection] = {}

    @property
    def capabilities(self) -> Capabilities:
        return _CAPABILITIES

    @property
    def trouble(self) -> str | None:
        return None

    def sweep(self, entries: Iterable[CatalogEntry]) -> None:
        known = {entry.id for entry in entries}
        self._collections = {id_: one for id_, one in self._collections.items() if id_ in known}

    def open(self, entry: CatalogEntry, config: CollectionConfig, *, lenient: bool = False) -> ReferenceCollection:
        return self._collections.setdefault(entry.id, ReferenceCollection(config, entry.shards))

    def start(self) -> None:
        pass

    def remove(self, entry: CatalogEntry) -> None:
        if (collection := self._collections.pop(entry.id, None)) is not None:
            collection.remove()

    def remove_shards(self, entry: CatalogEntry, shards: Iterable[ShardEntry]) -> None:
        pass

    def shard_folder(self, entry: CatalogEntry, shard: ShardEntry) -> Path:
        raise Unsupported("the reference engine keeps no files")

    def open_copy(self, folder: Path) -> StoreCopy:
        raise Unsupported("the reference engine keeps no files")

    def expire(self, now_s: float) -> int:
        removed = 0
        for collection in self._collections.values():
            expiry = collection.config.expiry
            if expiry is None:
                continue
            limit = instants.to_text(int((now_s - expiry.after_s) * 1e9))
            condition = Condition(Operator.LESS_THAN_EQUAL, PropertyTarget(expiry.property), limit)
            removed += sum(len(part.remove(condition, 1_000_000).outcomes) for part in collection.parts())
        return removed

    def close(self) -> None:
        pass
