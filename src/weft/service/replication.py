"""Replication in a cluster of one node: where each shard is, and that there is no other node to copy it to."""

from __future__ import annotations

from typing import NoReturn

from weft.access.requirement import public, requires
from weft.domain.cluster import ShardReplicas
from weft.domain.errors import Invalid, NotFound
from weft.service.collections import Collections
from weft.service.permissions.server import reading_replications, reading_sharding_state, replicating


class Replication:
    """``node`` is the only one."""

    def __init__(self, collections: Collections, node: str) -> None:
        self._collections = collections
        self._node = node

    @public
    def node(self) -> str:
        """The name of the node that has all shards."""
        return self._node

    @requires(reading_sharding_state)
    def replicas(self, collection: str, shard: str | None) -> tuple[str, list[ShardReplicas]]:
        """The collection's name, and the replicas of each shard, or of the one named.

        Raises NotFound without the collection or the shard.
        """
        opened = self._collections.open(collection)
        names = [name for name in opened.tenants() if shard in (None, name)]
        if shard is not None and not names:
            raise NotFound(f"class {opened.config.name} has no shard {shard[:80]!r}")
        return opened.config.name, [ShardReplicas(name, (self._node,)) for name in names]

    @requires(replicating)
    def replicate(self, collection: str, shard: str, source: str, target: str, kind: str) -> None:
        """Always Invalid: there is nowhere to copy or move a shard to."""
        self.replicas(collection, shard)
        raise Invalid(
            f"shard {shard!r} of class {collection} cannot be replicated from {source[:80]!r} to {target[:80]!r} "
            f"({kind}): the cluster has only the node {self._node!r}. To copy a collection, back it up and restore it "
            "on another server"
        )

    @requires(reading_replications)
    def operations(self) -> list[str]:
        """The ids of shards that are being copied or moved: none."""
        return []

    @requires(reading_replications)
    def operation(self, id: str) -> NoReturn:
        raise NotFound(f"there is no replication {id[:80]!r}")
