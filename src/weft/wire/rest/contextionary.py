"""The words of ``text2vec-contextionary``: ``/v1/modules/text2vec-contextionary``."""

from __future__ import annotations

from weft.domain.errors import Unsupported
from weft.wire.rest.endpoint import Call, Endpoint, Reply
from weft.wire.rest.openapi.shapes import ref

_PATH = "/v1/modules/text2vec-contextionary"


def look_up(call: Call) -> Reply:
    return Reply(call.service.words.concept(call.path["concept"]))


def extend(call: Call) -> Reply:
    raise Unsupported(
        "the words of text2vec-contextionary are those of its embeddings, and none can be added; describe what is new "
        "in the objects' texts, and search with nearText"
    )


ENDPOINTS = [
    Endpoint(
        "GET",
        f"{_PATH}/concepts/{{concept}}",
        look_up,
        "Look words up: their vectors, and which words are near.",
        answers={200: ref("Concept")},
    ),
    Endpoint("POST", f"{_PATH}/extensions", extend, "Add a word.", answers={501: ref("Error")}, deprecated=True),
]
