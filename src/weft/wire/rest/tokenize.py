"""``/v1/tokenize``: the tokens of a text, by given settings or by those of a property."""

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
    Endpoint("POST", "/v1/tokenize", of_text, "The tokens of a text.", ref("TokenizeText"), {200: ref("Tokens")}),
    Endpoint(
        "POST",
        "/v1/schema/{name}/properties/{property}/tokenize",
        of_property,
        "The tokens of a text, by the settings of a property.",
        ref("TokenizeProperty"),
        {200: ref("Tokens")},
    ),
]
