"""The words of ``text2vec-contextionary``: ``/v1/modules/text2vec-contextionary``."""

from __future__ import annotations

from weft.domain import json_fields
from weft.domain.errors import Invalid
from weft.wire.json.documents import as_object
from weft.wire.rest.endpoint import Call, Endpoint, Reply, failure
from weft.wire.rest.openapi.shapes import ref

_PATH = "/v1/modules/text2vec-contextionary"
_WHERE = "extension"
_WRONG = 400


def look_up(call: Call) -> Reply:
    return Reply(call.service.words.concept(call.path["concept"]))


def extend(call: Call) -> Reply:
    given = as_object(call.body)
    concept = json_fields.string(given, "concept", _WHERE) or ""
    definition = json_fields.string(given, "definition", _WHERE) or ""
    weight = json_fields.number(given, "weight", _WHERE) or 0.0
    try:
        call.service.words.extend(concept, definition, weight)
    except Invalid as error:
        return Reply(failure(error.message), _WRONG)
    return Reply({"concept": concept, "definition": definition, "weight": weight})


ENDPOINTS = [
    Endpoint(
        "GET",
        f"{_PATH}/concepts/{{concept}}",
        look_up,
        "Look words up: their vectors, and which words are near.",
        answers={200: ref("Concept")},
    ),
    Endpoint("POST", f"{_PATH}/extensions", extend, "Add a word.", ref("Extension"), {200: ref("Extension")}),
]
