"""The rights that questions about the server itself require."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from weft.access.permissions import CREATE, READ, Right
from weft.service.permissions.context import AuthContext


def reading_nodes(context: AuthContext, collection: str | None, verbose: bool) -> Iterator[Right]:
    if not verbose:
        yield Right(READ, "nodes", ("minimal", "*"))
    elif collection is not None:
        yield Right(READ, "nodes", ("verbose", context.collection(collection)))


def readable_nodes(
    context: AuthContext, found: Sequence[dict[str, Any]], collection: str | None, verbose: bool
) -> Sequence[dict[str, Any]]:
    """Of all collections: the shards of those that the caller may read, and figures of these alone."""
    if verbose and collection is None:
        for node in found:
            shards = [one for one in node["shards"] if context.may(Right(READ, "nodes", ("verbose", one["class"])))]
            counts = {"objectCount": sum(one["objectCount"] for one in shards), "shardCount": len(shards)}
            node.update(shards=shards, stats=counts)
    return found


def reading_models(context: AuthContext) -> Iterator[Right]:
    """They belong to no collection: a caller that may see the node sees them."""
    yield Right(READ, "nodes", ("minimal", "*"))


def reading_metrics(context: AuthContext) -> Iterator[Right]:
    """They name every collection."""
    yield Right(READ, "nodes", ("verbose", "*"))


def reading_sharding_state(context: AuthContext, collection: str, shard: str | None) -> Iterator[Right]:
    yield Right(READ, "replicate", (context.collection(collection), shard or "*"))


def replicating(context: AuthContext, collection: str, shard: str, *_: object) -> Iterator[Right]:
    yield Right(CREATE, "replicate", (context.collection(collection), shard))


def reading_replications(context: AuthContext, *_: object) -> Iterator[Right]:
    yield Right(READ, "replicate", ("*", "*"))


def reading_cluster(context: AuthContext) -> Iterator[Right]:
    yield Right(READ, "cluster")
