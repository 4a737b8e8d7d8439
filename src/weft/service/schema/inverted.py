"""``invertedIndexConfig``: BM25, stop words and additional indexes: defaults, limits, typed view."""

from __future__ import annotations

from weft.domain import json_fields
from weft.domain.errors import Invalid
from weft.domain.json_fields import shorten
from weft.domain.schema import InvertedConfig, StopwordConfig
from weft.engine.text.stopwords import PRESETS
from weft.service.schema import properties
from weft.service.schema.documents import Document, Stated
from weft.service.schema.keys import INVERTED

_FLAGS = ("indexNullState", "indexPropertyLength", "indexTimestamps")


def complete(given: Stated) -> Document:
    """An ``invertedIndexConfig`` with every default filled in. Raises Invalid for a user dictionary, which no tokenizer
    here would read."""
    where = "invertedIndexConfig"
    config: Document = INVERTED.declared(given)
    if config.pop("tokenizerUserDict", None):
        raise Invalid(f"{where}: tokenizerUserDict: tokenizers have no user dictionaries on this server; leave it out")
    bm25 = json_fields.object_(given, "bm25", where) or {}
    b, k1 = json_fields.number(bm25, "b", "bm25"), json_fields.number(bm25, "k1", "bm25")
    config["bm25"] = {"b": 0.75 if b is None else b, "k1": 1.2 if k1 is None else k1}
    config["cleanupIntervalSeconds"] = json_fields.integer(given, "cleanupIntervalSeconds", where) or 60
    config["stopwords"] = _stopwords(json_fields.object_(given, "stopwords", where) or {})
    config["usingBlockMaxWAND"] = True
    for key in _FLAGS:
        if not json_fields.boolean(given, key, where):
            config.pop(key, None)
    presets = json_fields.object_(given, "stopwordPresets", where) or {}
    config.pop("stopwordPresets", None)
    if presets:
        config["stopwordPresets"] = {
            name: json_fields.strings(presets, name, "stopwordPresets") or [] for name in presets
        }
    return config


def _stopwords(given: Stated) -> Document:
    """Without additions that the preset has, unless they are removed too, which is refused later."""
    preset = json_fields.string(given, "preset", "stopwords") or "en"
    additions, removals = (json_fields.strings(given, key, "stopwords") for key in ("additions", "removals"))
    if additions:
        known = PRESETS.get(preset, frozenset()) - set(removals or ())
        additions = [word for word in additions if word not in known] or None
    return {"preset": preset, "additions": additions, "removals": removals}


def validate(config: Stated) -> None:
    """Raises Invalid for a completed ``invertedIndexConfig`` outside its limits."""
    if config["cleanupIntervalSeconds"] < 0:
        raise Invalid("cleanup interval seconds must be > 0")
    if not config["bm25"]["k1"] >= 0:
        raise Invalid("BM25.k1 must be >= 0")
    if not 0 <= config["bm25"]["b"] <= 1:
        raise Invalid("BM25.b must be >= 0 and <= 1")
    stopwords = config["stopwords"]
    if stopwords["preset"] not in properties.BUILT_IN_STOPWORDS:
        raise Invalid(f"stopwordPreset '{shorten(stopwords['preset'])}' does not exist; 'en' and 'none' do")
    additions, removals = stopwords["additions"] or [], stopwords["removals"] or []
    for key, words in (("additions", additions), ("removals", removals)):
        if any(not word.strip() for word in words):
            raise Invalid(f"cannot use whitespace in stopword.{key}")
    for word in set(additions) & set(removals):
        raise Invalid(f"found '{shorten(word)}' in both stopwords.additions and stopwords.removals")
    for preset, words in config.get("stopwordPresets", {}).items():
        if not preset.strip():
            raise Invalid("stopwordPresets: preset name must not be empty or whitespace-only")
        if not words:
            raise Invalid(f"stopwordPresets: preset {shorten(preset)!r} must have at least one word")
        if any(not word.strip() for word in words):
            raise Invalid(f"stopwordPresets: preset {shorten(preset)!r} contains empty or whitespace-only word")


def parse(block: Stated) -> InvertedConfig:
    """The typed view of a completed and valid ``invertedIndexConfig``."""
    stopwords = block["stopwords"]
    return InvertedConfig(
        bm25_b=float(block["bm25"]["b"]),
        bm25_k1=float(block["bm25"]["k1"]),
        stopwords=StopwordConfig(
            preset=stopwords["preset"],
            additions=tuple(stopwords["additions"] or ()),
            removals=tuple(stopwords["removals"] or ()),
        ),
        stopword_presets={name: tuple(words) for name, words in block.get("stopwordPresets", {}).items()},
        index_null_state=block.get("indexNullState", False),
        index_property_length=block.get("indexPropertyLength", False),
        index_timestamps=block.get("indexTimestamps", False),
    )
