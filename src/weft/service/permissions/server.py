"""The rights that requests about the server itself require."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from weft.access.permissions import CREATE, READ, UPDATE, Right
from weft.domain.cluster import Node, ShardFacts
from weft.service.permissions.context import AuthContext


def reading_nodes(context: AuthContext, collection: str | None, verbose: bool) -> Iterator[Right]:
    if not verbose:
        yield Right(READ, "nodes", ("minimal", "*"))
    elif collection is not None:
        yield Right(READ, "nodes", ("verbose", context.collection(collection)))


def readable_nodes(
    context: AuthContext, found: Sequence[Node], collection: str | None, verbose: bool
) -> Sequence[Node]:
    """The shards of the collections that the caller may read, if all collections were requested; the usage of the node
    for callers that may read all."""
    if not verbose or collection is not None:
        return found
    sees_all = context.may(Right(READ, "nodes", ("verbose", "*")))
    return [
        replace(
            node,
            shards=tuple(one for one in node.shards or () if _readable(context, one)),
            usage=node.usage if sees_all else None,
        )
        for node in found
    ]


def _readable(context: AuthContext, shard: ShardFacts) -> bool:
    return context.may(Right(READ, "nodes", ("verbose", shard.collection)))


def extending_lexicon(context: AuthContext, *_: object) -> Iterator[Right]:
    """Words belong to no collection, and all may use them: adding one takes the right to change all."""
    yield Right(UPDATE, "collections", ("*",))


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
