"""What becomes of a text: ``/v1/tokenize``, and the same for one property of a collection."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from weft.domain.errors import Invalid, NotFound
from weft.domain.schema import InvertedConfig, Property, Tokenization
from weft.domain.schema import Stopwords as StopwordConfig
from weft.index.inverted.stopwords import Stopwords
from weft.index.inverted.tokenize import tokenize
from weft.service.schema import fields, properties
from weft.service.schema.defaults import complete_inverted
from weft.service.schema.document import parse_inverted, parse_property
from weft.service.schema.validate import validate_inverted
from weft.wire.rest.body import as_object
from weft.wire.rest.endpoint import Call, Endpoint, Reply

_MAX_CHARACTERS = 10_000


def of_property(call: Call) -> Reply:
    config = call.service.collections.get(call.path["name"])
    wanted = call.path["property"].lower()
    for one in config.properties:
        if one.name.lower() == wanted:
            if one.tokenization is None:
                raise Invalid("tokenization is not enabled for this property")
            return _reply(call, one, config.inverted)
    raise NotFound(f"class {config.name} has no property '{call.path['property'][:80]}'")


def of_text(call: Call) -> Reply:
    """With nothing said about stop words, «en» for word tokenisation and none otherwise."""
    given = as_object(call.body)
    tokenization = fields.text(given, "tokenization", "tokenize")
    if tokenization is None or tokenization not in Tokenization._value2member_map_:
        raise Invalid(f"unsupported tokenization strategy: {fields.shown(tokenization or '')}")
    analyzer = dict(fields.mapping(given, "analyzerConfig", "tokenize") or {})
    stopwords = fields.mapping(given, "stopwords", "tokenize")
    presets = fields.mapping(given, "stopwordPresets", "tokenize")
    if stopwords is not None and presets:
        raise Invalid("stopwords and stopwordPresets are mutually exclusive; pass only one")
    block = complete_inverted({"stopwords": stopwords, "stopwordPresets": presets})
    validate_inverted(block)
    inverted = parse_inverted(block)
    preset = fields.text(analyzer, "stopwordPreset", "analyzerConfig")
    is_word = tokenization == Tokenization.WORD
    if stopwords is None and not preset and is_word:
        preset = "en"
    if stopwords is None and not is_word:
        inverted = dataclasses.replace(inverted, stopwords=StopwordConfig("none"))
    return _reply(call, _property(tokenization, analyzer, preset, inverted.stopword_presets), inverted)


def _property(
    tokenization: str, analyzer: Mapping[str, Any], preset: str | None, presets: Mapping[str, tuple[str, ...]]
) -> Property:
    if preset and preset not in properties.BUILT_IN_STOPWORDS and preset not in presets:
        raise Invalid(
            f"unknown stopword preset {fields.shown(preset)!r}; define it in stopwordPresets or use a built-in preset "
            "('en', 'none')"
        )
    bare = {key: value for key, value in analyzer.items() if key != "stopwordPreset"}
    described = {"name": "text", "dataType": ["text"], "tokenization": tokenization, "textAnalyzer": bare}
    completed = properties.complete(described, lambda _: {}, tokenization)
    properties.validate(completed, presets)
    parsed = parse_property(completed)
    return dataclasses.replace(parsed, text_analyzer=dataclasses.replace(parsed.text_analyzer, stopword_preset=preset))


def _reply(call: Call, property: Property, inverted: InvertedConfig) -> Reply:
    text = fields.text(as_object(call.body), "text", "tokenize")
    if text is None:
        raise Invalid("the body must hold the text")
    if len(text) > _MAX_CHARACTERS:
        raise Invalid("text exceeds maximum allowed length of 10,000 characters")
    indexed = tokenize(text, property.tokenization, property.text_analyzer)
    known = Stopwords(inverted)
    preset = property.text_analyzer.stopword_preset
    left_out = known.preset(preset) if preset else known.default
    return Reply({"indexed": indexed, "query": [token for token in indexed if token not in left_out]})


ENDPOINTS = [
    Endpoint("POST", "/v1/tokenize", of_text, takes_body=True),
    Endpoint("POST", "/v1/schema/{name}/properties/{property}/tokenize", of_property, takes_body=True),
]
