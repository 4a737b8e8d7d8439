"""Endpoints that clients know and this server does not offer: each is refused with what to do instead."""

from __future__ import annotations

from weft.domain.errors import Unsupported
from weft.wire.rest.endpoint import Call, Endpoint, Handler, Reply
from weft.wire.rest.openapi.shapes import ref


def classify(call: Call) -> Reply:
    raise Unsupported(
        "this server does not classify objects; search with nearVector or nearObject, and update the objects found"
    )


def _refused(method: str, path: str, handler: Handler, summary: str) -> Endpoint:
    return Endpoint(method, path, handler, summary, answers={501: ref("Error")}, deprecated=True)


ENDPOINTS = [
    _refused("POST", "/v1/classifications", classify, "Classify objects."),
    _refused("GET", "/v1/classifications/{id}", classify, "One classification."),
]
