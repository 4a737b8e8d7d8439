"""The names in a backup: rights are checked for them, so what is restored must have these names and no others."""

from __future__ import annotations

from weft.domain.errors import CorruptData
from weft.domain.schema import CollectionConfig
from weft.engine.collection import ONLY_SHARD
from weft.jobs.backup.descriptor import StoredCollection
from weft.service.schema.properties import CLASS_NAME
from weft.service.tenants import is_tenant_name


def check_stored(stored: StoredCollection, config: CollectionConfig) -> None:
    """``config``: of its document. Raises CorruptData unless its collection and its shards are called as it says."""
    if not CLASS_NAME.fullmatch(stored.name) or config.name != stored.name:
        raise CorruptData(
            f"the backup is damaged: what it calls {stored.name[:80]!r} is the collection {config.name[:80]!r}; use "
            "another backup"
        )
    for shard in stored.shards:
        if not (is_tenant_name(shard.name) if config.tenancy.enabled else shard.name == ONLY_SHARD):
            raise CorruptData(
                f"the backup is damaged: {stored.name} cannot have a shard {shard.name[:80]!r}; use another backup"
            )


def is_alias(name: str) -> bool:
    """Whether an alias can have the name: a backup may come from elsewhere."""
    return CLASS_NAME.fullmatch(name) is not None
