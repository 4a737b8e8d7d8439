"""The tokens of a text, by the settings of a property or by settings that the caller gives."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass

from weft.domain import json_fields
from weft.domain.errors import Invalid, NotFound
from weft.domain.json_fields import shorten
from weft.domain.schema import CollectionConfig, InvertedConfig, Property, StopwordConfig, Tokenization
from weft.engine.text.stopwords import Stopwords
from weft.engine.text.tokenize import tokenize
from weft.service.schema import inverted as inverted_block
from weft.service.schema import properties
from weft.service.schema.document import parse_property
from weft.service.schema.documents import Stated

_MAX_CHARACTERS = 10_000


@dataclass(frozen=True, slots=True)
class Tokens:
    """``indexed``: what an index stores; ``query``: what a search looks for, which is without stop words."""

    indexed: list[str]
    query: list[str]


@dataclass(frozen=True, slots=True)
class TextToTokenize:
    """``text``, and how to split it: ``analyzer``, ``stopwords`` and ``presets`` are documents as in a schema."""

    text: str
    tokenization: str
    analyzer: Stated
    stopwords: Stated | None
    presets: Stated | None


def tokens_of_property(config: CollectionConfig, name: str, text: str) -> Tokens:
    for one in config.properties:
        if one.name.lower() == name.lower():
            if one.tokenization is None:
                raise Invalid("tokenization is not enabled for this property")
            return _tokens(text, one, config.inverted)
    raise NotFound(f"class {config.name} has no property '{name[:80]}'")


def tokens_of_text(given: TextToTokenize) -> Tokens:
    """Without stop words of its own: those of "en" for word tokenisation, none otherwise. Raises Invalid."""
    tokenization, stopwords, presets = given.tokenization, given.stopwords, given.presets
    if tokenization not in Tokenization._value2member_map_:
        raise Invalid(f"unsupported tokenization strategy: {shorten(tokenization)}")
    if stopwords is not None and presets:
        raise Invalid("stopwords and stopwordPresets are mutually exclusive; pass only one")
    block = inverted_block.complete({"stopwords": stopwords, "stopwordPresets": presets})
    inverted_block.validate(block)
    inverted = inverted_block.parse(block)
    preset = json_fields.string(given.analyzer, "stopwordPreset", "analyzerConfig")
    is_word = tokenization == Tokenization.WORD
    if stopwords is None and not preset and is_word:
        preset = "en"
    if stopwords is None and not is_word:
        inverted = dataclasses.replace(inverted, stopwords=StopwordConfig("none"))
    return _tokens(given.text, _property(tokenization, given.analyzer, preset, inverted.stopword_presets), inverted)


def _property(
    tokenization: str, analyzer: Stated, preset: str | None, presets: Mapping[str, tuple[str, ...]]
) -> Property:
    if preset and preset not in properties.BUILT_IN_STOPWORDS and preset not in presets:
        raise Invalid(
            f"unknown stopword preset {shorten(preset)!r}; define it in stopwordPresets or use a built-in preset "
            "('en', 'none')"
        )
    bare = {key: value for key, value in analyzer.items() if key != "stopwordPreset"}
    described = {"name": "text", "dataType": ["text"], "tokenization": tokenization, "textAnalyzer": bare}
    completed = properties.complete(described, lambda _: {}, tokenization)
    properties.validate(completed, presets)
    parsed = parse_property(completed)
    return dataclasses.replace(parsed, text_analyzer=dataclasses.replace(parsed.text_analyzer, stopword_preset=preset))


def _tokens(text: str, property: Property, inverted: InvertedConfig) -> Tokens:
    if len(text) > _MAX_CHARACTERS:
        raise Invalid("text exceeds maximum allowed length of 10,000 characters")
    indexed = tokenize(text, property.tokenization, property.text_analyzer)
    known = Stopwords(inverted)
    preset = property.text_analyzer.stopword_preset
    left_out = known.preset(preset) if preset else known.default
    return Tokens(indexed, [token for token in indexed if token not in left_out])
