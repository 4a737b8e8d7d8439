"""The server and its one node: links, meta, health, nodes, statistics, and (Weft's own) the models in memory."""

from __future__ import annotations

import platform
from collections.abc import Sequence

from weft import __version__
from weft.domain.cluster import Node, NodeUsage, ServerFacts, ShardFacts, sums
from weft.domain.errors import CorruptData, Invalid
from weft.domain.json_values import JsonObject, JsonValue
from weft.wire.rest.endpoint import Call, Endpoint, Reply
from weft.wire.rest.openapi.parameters import NODES_OUTPUT, TENANT
from weft.wire.rest.openapi.shapes import TEXT, ref
from weft.wire.version import PROTOCOL_VERSION

_EXPOSITION = "text/plain; version=1.0.0; charset=utf-8"
_LINKS = (
    ("Meta information about this instance/cluster", "/v1/meta"),
    ("view complete schema", "/v1/schema"),
    ("CRUD schema", "/v1/schema{/:className}"),
    ("CRUD objects", "/v1/objects{/:id}"),
    ("trigger batch operations", "/v1/batch/objects,/v1/batch/references"),
    ("nodes of the cluster", "/v1/nodes"),
    ("liveness", "/v1/.well-known/live"),
    ("readiness", "/v1/.well-known/ready"),
)


def root(call: Call) -> Reply:
    return Reply({"links": [{"name": name, "href": href} for name, href in _LINKS]})


def meta(call: Call) -> Reply:
    """``weft`` is of Weft alone: its version, and where and by what gRPC is served."""
    facts = call.service.meta()
    return Reply(
        {
            "hostname": facts.address,
            "version": PROTOCOL_VERSION,
            "modules": facts.modules,
            "grpcMaxMessageSize": facts.max_message_bytes,
            "weft": {
                "version": __version__,
                "grpcPort": facts.grpc_port,
                "grpcWire": facts.grpc_wire,
                "engine": _engine(facts),
            },
        }
    )


def _engine(facts: ServerFacts) -> JsonObject:
    version: JsonObject = {"version": facts.engine_version} if facts.engine_version else {}
    return {"name": facts.engine, **version, "refuses": list(facts.refuses)}


def healthy(call: Call) -> Reply:
    return Reply()


def openid(call: Call) -> Reply:
    """Where to get tokens; 404 without a body means to clients that there is no OIDC."""
    found = call.service.access.openid()
    if found is None:
        return Reply(status=404)
    return Reply({"href": found.configuration_url, "clientId": found.client_id, "scopes": list(found.scopes)})


def nodes(call: Call) -> Reply:
    output = call.query.get("output", "minimal")
    if output not in ("minimal", "verbose"):
        raise Invalid(f"output must be minimal or verbose, not {output[:40]!r}")
    found = call.service.nodes(call.path.get("name"), output == "verbose")
    return Reply({"nodes": [_node(one) for one in found]})


def _node(node: Node) -> JsonObject:
    """Streaming clients continue only while the node is HEALTHY, so damage of a shard does not change that."""
    spelled: dict[str, JsonValue] = {
        "name": node.name,
        "status": "HEALTHY" if node.trouble is None and not node.stopping else "UNHEALTHY",
        "operationalMode": "ReadWrite" if node.refusal is None else "ReadOnly",
        "version": PROTOCOL_VERSION,
        "gitHash": f"weft-{__version__}-python-{platform.python_version()}",
        "batchStats": {"queueLength": 0, "ratePerSecond": 0},
        "shards": None if node.shards is None else [_shard(one) for one in node.shards],
    }
    if node.shards is not None:
        count = sum(one.objects or 0 for one in node.shards)
        spelled["stats"] = {"objectCount": count, "shardCount": len(node.shards)}
    if node.trouble is not None:
        spelled["error"] = node.trouble
    if node.usage is not None:
        spelled["usage"] = _usage(node.usage, node.shards or ())
    return spelled


def _usage(usage: NodeUsage, shards: Sequence[ShardFacts]) -> JsonObject:
    """Weft's own: bytes of memory and disk by component, of the shards that are open, and of each process."""

    memory = sums(one.memory for one in shards) | {f"models/{name}": size for name, size in usage.models.items()}
    return {
        "memory": _share(usage.memory) | {"components": dict(memory)},
        "disk": _share(usage.disk) | {"components": dict(sums(one.disk for one in shards))},
        "processes": [{"name": one.name, "pid": one.pid, "memory": one.memory} for one in usage.processes],
        "requests": dict(usage.requests),
    }


def _share(used: tuple[int, int] | None) -> dict[str, JsonValue]:
    return {"used": None, "total": None} if used is None else {"used": used[0], "total": used[1]}


def _shard(shard: ShardFacts) -> JsonObject:
    """A shard that is closed is opened by its first use, so it counts as loaded.

    Weft's own are ``sizes``, ``memory`` and ``disk``, bytes by component; ``objectsWithoutVector``, by name of vector;
    and ``error`` of a shard that is damaged or cannot be opened.
    """
    spelled: dict[str, JsonValue] = {
        "name": shard.name,
        "class": shard.collection,
        "objectCount": shard.objects or 0,
        "vectorIndexingStatus": _indexing_status(shard),
        "vectorQueueLength": shard.vector_queue,
        "compressed": shard.compressed,
        "loaded": shard.damage is None,
        "numberOfReplicas": 1,
        "replicationFactor": 1,
        "asyncReplicationStatus": [],
        "sizes": dict(shard.sizes),
        "memory": dict(shard.memory),
        "disk": dict(shard.disk),
    }
    if shard.lacking is not None:
        spelled["objectsWithoutVector"] = dict(shard.lacking)
    if shard.damage is not None:
        spelled["error"] = shard.damage.message
    return spelled


def _indexing_status(shard: ShardFacts) -> str:
    if shard.damage is not None:
        return "DAMAGED" if isinstance(shard.damage, CorruptData) else "UNAVAILABLE"
    return "INDEXING" if shard.vector_queue else "READY"


def models(call: Call) -> Reply:
    """Of Weft alone: the models that are loaded, each as ``modules.base.ModelState`` has it."""
    return Reply({"models": [one._asdict() for one in call.service.models()]})


def vector_models(call: Call) -> Reply:
    """Of Weft alone: which models made the vectors of a collection, or of one tenant of it."""
    return Reply({"models": call.service.collections.vector_models(call.path["name"], call.tenant)})


def metrics(call: Call) -> Reply:
    """For Prometheus; unlike on the separate port, only for callers that may see all of the node."""
    return Reply(call.service.metrics(), media_type=_EXPOSITION)


def statistics(call: Call) -> Reply:
    nodes = call.service.statistics()
    return Reply({"statistics": [_statistics(one, nodes[0]) for one in nodes], "synchronized": True})


def _statistics(node: str, leader: str) -> JsonObject:
    return {
        "name": node,
        "status": "HEALTHY",
        "raft": {"state": "Leader", "term": "1", "numPeers": "0", "latestConfigurationIndex": "0"},
        "leaderId": leader,
        "leaderAddress": "127.0.0.1",
        "ready": True,
        "isVoter": True,
        "open": True,
        "bootstrapped": True,
        "dbLoaded": True,
        "candidates": {},
        "initialLastAppliedIndex": 0,
        "lastAppliedIndex": 0,
    }


_NODES = {200: ref("Nodes")}

ENDPOINTS = [
    Endpoint("GET", "/v1", root, "Where to go from here.", answers={200: ref("Links")}, is_open=True),
    Endpoint("GET", "/v1/meta", meta, "Version and modules.", answers={200: ref("Meta")}),
    Endpoint("GET", "/v1/.well-known/live", healthy, "Whether the process answers.", is_open=True),
    Endpoint("GET", "/v1/.well-known/ready", healthy, "Whether requests are answered.", is_open=True),
    Endpoint(
        "GET",
        "/v1/.well-known/openid-configuration",
        openid,
        "Where to get tokens; 404 where none are taken.",
        answers={200: ref("OpenId"), 404: None},
        is_open=True,
    ),
    Endpoint("GET", "/v1/nodes", nodes, "The one node.", answers=_NODES, query=(NODES_OUTPUT,)),
    Endpoint("GET", "/v1/nodes/{name}", nodes, "The node as to one collection.", answers=_NODES, query=(NODES_OUTPUT,)),
    Endpoint("GET", "/v1/weft/models", models, "The models in memory.", answers={200: ref("Models")}),
    Endpoint(
        "GET",
        "/v1/weft/collections/{name}/models",
        vector_models,
        "The models that made the vectors of a collection.",
        answers={200: ref("VectorModels")},
        query=(TENANT,),
    ),
    Endpoint(
        "GET",
        "/v1/metrics",
        metrics,
        "Metrics, where they are collected.",
        answers={200: TEXT},
        refuses=(404,),
        media_type=_EXPOSITION,
    ),
    Endpoint("GET", "/v1/cluster/statistics", statistics, "The cluster of one.", answers={200: ref("Statistics")}),
]
