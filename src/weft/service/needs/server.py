"""What questions about the server itself need."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from weft.access.permissions import CREATE, READ, Right
from weft.service.asking import Asking


def nodes(asking: Asking, collection: str | None, verbose: bool) -> Iterator[Right]:
    if not verbose:
        yield Right(READ, "nodes", ("minimal", "*"))
    elif collection is not None:
        yield Right(READ, "nodes", ("verbose", asking.collection(collection)))


def nodes_shown(asking: Asking, found: Sequence[Any], collection: str | None, verbose: bool) -> Sequence[Any]:
    """Of all collections: the shards of those that the caller may read, and figures of these alone."""
    if verbose and collection is None:
        for node in found:
            shards = [one for one in node["shards"] if asking.may(Right(READ, "nodes", ("verbose", one["class"])))]
            counts = {"objectCount": sum(one["objectCount"] for one in shards), "shardCount": len(shards)}
            node.update(shards=shards, stats=counts)
    return found


def models(asking: Asking) -> Iterator[Right]:
    """They belong to no collection, so whoever may see the node sees them."""
    yield Right(READ, "nodes", ("minimal", "*"))


def metrics(asking: Asking) -> Iterator[Right]:
    """They name every collection."""
    yield Right(READ, "nodes", ("verbose", "*"))


def sharding_state(asking: Asking, collection: str, shard: str | None) -> Iterator[Right]:
    yield Right(READ, "replicate", (asking.collection(collection), shard or "*"))


def replicated(asking: Asking, collection: str, shard: str, *_: Any) -> Iterator[Right]:
    yield Right(CREATE, "replicate", (asking.collection(collection), shard))


def replications(asking: Asking, *_: Any) -> Iterator[Right]:
    yield Right(READ, "replicate", ("*", "*"))


def cluster(asking: Asking, *_: Any) -> Iterator[Right]:
    yield Right(READ, "cluster")
