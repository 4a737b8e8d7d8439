"""Endpoints that clients know and this server does not offer: each is refused with what to do instead."""

from __future__ import annotations

from weft.domain.errors import Unsupported
from weft.wire.rest.endpoint import Call, Endpoint, Handler, Reply
from weft.wire.rest.openapi.shapes import ref

_CONTEXTIONARY = "/v1/modules/text2vec-contextionary"


def classify(call: Call) -> Reply:
    raise Unsupported(
        "this server does not classify objects; search with nearVector or nearObject, and update the objects found"
    )


def contextionary(call: Call) -> Reply:
    raise Unsupported(
        "text2vec-contextionary embeds texts on this server, but its words can be neither looked up nor extended; "
        "search with nearText to see what is near a word"
    )


def _refused(method: str, path: str, handler: Handler, summary: str) -> Endpoint:
    return Endpoint(method, path, handler, summary, answers={501: ref("Error")}, deprecated=True)


ENDPOINTS = [
    _refused("POST", "/v1/classifications", classify, "Classify objects."),
    _refused("GET", "/v1/classifications/{id}", classify, "One classification."),
    _refused("GET", f"{_CONTEXTIONARY}/concepts/{{concept}}", contextionary, "Look a word up."),
    _refused("POST", f"{_CONTEXTIONARY}/extensions", contextionary, "Add a word."),
]
