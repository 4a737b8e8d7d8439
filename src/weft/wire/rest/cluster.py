"""The server and its one node: links, meta, health, nodes, statistics, and (Weft's own) the models in memory."""

from __future__ import annotations

from weft.domain.errors import Invalid
from weft.wire.rest.endpoint import Call, Endpoint, Reply
from weft.wire.rest.openapi.parameters import NODES_OUTPUT
from weft.wire.rest.openapi.shapes import TEXT, ref

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
    return Reply(call.service.meta())


def healthy(call: Call) -> Reply:
    return Reply()


def openid(call: Call) -> Reply:
    """Where to get tokens; 404 without a body tells clients that there is no OIDC."""
    found = call.service.access.openid()
    if found is None:
        return Reply(status=404)
    return Reply({"href": found.configuration_url, "clientId": found.client_id, "scopes": list(found.scopes)})


def nodes(call: Call) -> Reply:
    output = call.query.get("output", "minimal")
    if output not in ("minimal", "verbose"):
        raise Invalid(f"output must be minimal or verbose, not {output[:40]!r}")
    return Reply({"nodes": call.service.nodes(call.path.get("name"), output == "verbose")})


def models(call: Call) -> Reply:
    """Of Weft alone: the models that are loaded, each as ``modules.base.ModelState`` has it."""
    return Reply({"models": call.service.models()})


def metrics(call: Call) -> Reply:
    """For Prometheus; unlike the port of their own, only for those who may see all of the node."""
    return Reply(call.service.metrics(), media_type=_EXPOSITION)


def statistics(call: Call) -> Reply:
    return Reply({"statistics": call.service.statistics(), "synchronized": True})


_NODES = {200: ref("Nodes")}

ENDPOINTS = [
    Endpoint("GET", "/v1", root, "Where to go from here.", answers={200: ref("Links")}),
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
        "/v1/metrics",
        metrics,
        "Metrics, where they are collected.",
        answers={200: TEXT},
        refuses=(404,),
        media_type=_EXPOSITION,
    ),
    Endpoint("GET", "/v1/cluster/statistics", statistics, "The cluster of one.", answers={200: ref("Statistics")}),
]
