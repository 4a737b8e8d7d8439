"""Collection: its configuration and its shards, one for all objects or one a tenant."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from pathlib import Path

from weft.collection.shard import Shard
from weft.domain.errors import Invalid, NotFound
from weft.domain.schema import CollectionConfig

ONLY_SHARD = "main"


class Collection:
    """Opens the shards in ``folders`` (by shard name). A collection without tenants has exactly one, ``ONLY_SHARD``."""

    def __init__(
        self, config: CollectionConfig, folders: Mapping[str, Path], *, durable: bool, write_queue: int
    ) -> None:
        self.config = config
        self._lock = threading.RLock()
        self._shards: dict[str, Shard] = {}
        try:
            for name, folder in folders.items():
                self._shards[name] = Shard(folder, config, durable=durable, write_queue=write_queue)
        except BaseException:
            self.close()
            raise

    def shard(self, tenant: str | None) -> Shard:
        """The shard of ``tenant``; None for a collection without tenants."""
        if not self.config.tenancy.enabled:
            if tenant:
                raise Invalid(
                    f"class {self.config.name} has multi-tenancy disabled, but request was with tenant", tenant=tenant
                )
            return self._shards[ONLY_SHARD]
        if not tenant:
            raise Invalid(f"class {self.config.name} has multi-tenancy enabled, but request was without tenant")
        raise NotFound(f'tenant not found: "{tenant}"')

    def shards(self) -> Iterator[tuple[str, Shard]]:
        yield from list(self._shards.items())

    def configure(self, config: CollectionConfig) -> None:
        with self._lock:
            for _, shard in self.shards():
                shard.configure(config)
            self.config = config

    def close(self, *, keep: bool = True) -> None:
        """``keep`` False when the files are about to go: the indexes' snapshots are not written."""
        for _, shard in self.shards():
            shard.close(keep=keep)
