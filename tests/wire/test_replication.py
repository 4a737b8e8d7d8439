"""Replication through the official client: one node, which says so."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import weaviate
from weaviate.classes.config import Configure
from weaviate.cluster.models import ReplicationType
from weaviate.exceptions import UnexpectedStatusCodeError

Make = Callable[..., Any]


def test_where_shards_are(client: weaviate.WeaviateClient, make: Make) -> None:
    things = make(vector_config=Configure.Vectors.self_provided())
    state = client.cluster.query_sharding_state(collection=things.name)
    assert state is not None
    (shard,) = state.shards
    (node,) = client.cluster.nodes(output="verbose")
    assert shard.replicas == [node.name]
    assert client.cluster.query_sharding_state(collection=things.name, shard=shard.name) is not None
    assert client.cluster.query_sharding_state(collection=things.name, shard="elsewhere") is None
    assert client.cluster.query_sharding_state(collection="Nowhere") is None


def test_nothing_is_replicated(client: weaviate.WeaviateClient, make: Make) -> None:
    things = make(vector_config=Configure.Vectors.self_provided())
    with pytest.raises(UnexpectedStatusCodeError, match="the cluster has only the node"):
        client.cluster.replicate(
            collection=things.name,
            shard="main",
            source_node="weft",
            target_node="other",
            replication_type=ReplicationType.COPY,
        )
    replications = client.cluster.replications
    assert replications.list_all() == []
    id_ = "00000000-0000-0000-0000-000000000001"
    assert replications.get(uuid=id_) is None
    replications.delete_all()
