"""``/v1/tokenize``: what becomes of a text, and the same for one property of a collection."""

from __future__ import annotations

from weft.service.tokens import Tokens, text_of, tokens_of_text
from weft.wire.json.documents import as_object
from weft.wire.rest.endpoint import Call, Endpoint, Reply
from weft.wire.rest.openapi.shapes import ref


def of_property(call: Call) -> Reply:
    text = text_of(as_object(call.body))
    return _reply(call.service.collections.tokens(call.path["name"], call.path["property"], text))


def of_text(call: Call) -> Reply:
    return _reply(tokens_of_text(as_object(call.body)))


def _reply(tokens: Tokens) -> Reply:
    return Reply({"indexed": tokens.indexed, "query": tokens.query})


ENDPOINTS = [
    Endpoint("POST", "/v1/tokenize", of_text, "What becomes of a text.", ref("TokenizeText"), {200: ref("Tokens")}),
    Endpoint(
        "POST",
        "/v1/schema/{name}/properties/{property}/tokenize",
        of_property,
        "What a property makes of a text.",
        ref("TokenizeProperty"),
        {200: ref("Tokens")},
    ),
]
