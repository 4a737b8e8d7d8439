"""``/v1/tokenize``: the tokens of a text, by given settings or by those of a property."""

from __future__ import annotations

from weft.domain import json_fields
from weft.domain.errors import Invalid
from weft.domain.json_values import JsonObject
from weft.service.tokens import TextToTokenize, Tokens, tokens_of_text
from weft.wire.json.documents import as_object
from weft.wire.rest.endpoint import Call, Endpoint, Reply
from weft.wire.rest.openapi.shapes import ref


def of_property(call: Call) -> Reply:
    text = _text(as_object(call.body))
    return _reply(call.service.collections.tokens(call.path["name"], call.path["property"], text))


def of_text(call: Call) -> Reply:
    given = as_object(call.body)
    asked = TextToTokenize(
        tokenization=json_fields.string(given, "tokenization", "tokenize") or "",
        analyzer=json_fields.object_(given, "analyzerConfig", "tokenize") or {},
        stopwords=json_fields.object_(given, "stopwords", "tokenize"),
        presets=json_fields.object_(given, "stopwordPresets", "tokenize"),
        text=_text(given),
    )
    return _reply(tokens_of_text(asked))


def _text(given: JsonObject) -> str:
    text = json_fields.string(given, "text", "tokenize")
    if text is None:
        raise Invalid("the body must contain the text")
    return text


def _reply(tokens: Tokens) -> Reply:
    return Reply({"indexed": tokens.indexed, "query": tokens.query})


ENDPOINTS = [
    Endpoint(
        "POST", "/v1/tokenize", of_text, "The tokens of a text.", ref("TokenizeText"), {200: ref("Tokens")}, reads=True
    ),
    Endpoint(
        "POST",
        "/v1/schema/{name}/properties/{property}/tokenize",
        of_property,
        "The tokens of a text, by the settings of a property.",
        ref("TokenizeProperty"),
        {200: ref("Tokens")},
        is_bare=True,
        reads=True,
    ),
]
