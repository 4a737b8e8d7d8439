"""The typed view of a completed document."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from weft.domain.schema import (
    LEGACY_VECTOR,
    CollectionConfig,
    Expiry,
    InvertedConfig,
    Property,
    Stopwords,
    Tenancy,
    TextAnalyzer,
    Tokenization,
    VectorConfig,
)
from weft.service.schema.keys import CLASS
from weft.service.schema.modules import NONE
from weft.service.schema.properties import data_type_of
from weft.service.schema.vector_index import registry as vector_index


def parse(document: Mapping[str, Any]) -> CollectionConfig:
    """The typed view of a completed and valid ``document``, which it keeps and must not be changed afterwards.

    Keys that an older version stored as unknown, because it matched their case, are left out.
    """
    document = CLASS.without_variants(document)
    properties = tuple(parse_property(one) for one in document["properties"])
    named = document.get("vectorConfig", {})
    vectors: dict[str, VectorConfig] = {}
    settings = document.get("moduleConfig", {})
    if "vectorizer" in document:
        vectorizer = document["vectorizer"]
        vectors[LEGACY_VECTOR] = _vector(LEGACY_VECTOR, vectorizer, settings.get(vectorizer) or {}, document)
    for name, entry in named.items():
        ((module, own),) = entry["vectorizer"].items()
        vectors[name] = _vector(name, module, own, entry)
    tenancy = document["multiTenancyConfig"]
    return CollectionConfig(
        name=document["class"],
        properties=properties,
        vectors=vectors,
        named_vectors=bool(named),
        description=document.get("description"),
        inverted=parse_inverted(document["invertedIndexConfig"]),
        tenancy=Tenancy(
            enabled=tenancy["enabled"],
            auto_creation=tenancy["autoTenantCreation"],
            auto_activation=tenancy["autoTenantActivation"],
        ),
        module_config={
            name: own or {} for name, own in settings.items() if name not in (NONE, document.get("vectorizer"))
        },
        expiry=_expiry(document.get("objectTtlConfig") or {}),
        document=document,
    )


def _expiry(stated: Mapping[str, Any]) -> Expiry | None:
    if not stated.get("enabled"):
        return None
    return Expiry(stated["deleteOn"], stated["defaultTtl"], stated["filterExpiredObjects"])


def parse_property(document: Mapping[str, Any]) -> Property:
    """The typed view of a completed and valid property."""
    data_type = data_type_of(document, f"property '{document['name']}'")
    analyzer = document.get("textAnalyzer", {})
    tokenization = document.get("tokenization")
    return Property(
        name=document["name"],
        data_type=data_type,
        target_collections=tuple(document["dataType"]) if data_type.value == "cref" else (),
        description=document.get("description"),
        index_filterable=document["indexFilterable"],
        index_searchable=document["indexSearchable"],
        index_range_filters=document["indexRangeFilters"],
        tokenization=None if tokenization is None else Tokenization(tokenization),
        text_analyzer=TextAnalyzer(
            ascii_fold=analyzer.get("asciiFold", False),
            ascii_fold_ignore=tuple(analyzer.get("asciiFoldIgnore", ())),
            stopword_preset=analyzer.get("stopwordPreset"),
        ),
        nested=tuple(parse_property(child) for child in document.get("nestedProperties", ())),
        module_config=document.get("moduleConfig", {}),
    )


def _vector(name: str, vectorizer: str, settings: Mapping[str, Any], holder: Mapping[str, Any]) -> VectorConfig:
    sources = settings.get("properties")
    return VectorConfig(
        name=name,
        vectorizer=vectorizer,
        settings=settings,
        source_properties=tuple(sources) if isinstance(sources, list) else None,
        index=vector_index.parse(holder["vectorIndexType"], holder.get("vectorIndexConfig", {})),
    )


def parse_inverted(block: Mapping[str, Any]) -> InvertedConfig:
    """The typed view of a completed and valid ``invertedIndexConfig``."""
    stopwords = block["stopwords"]
    return InvertedConfig(
        bm25_b=float(block["bm25"]["b"]),
        bm25_k1=float(block["bm25"]["k1"]),
        stopwords=Stopwords(
            preset=stopwords["preset"],
            additions=tuple(stopwords["additions"] or ()),
            removals=tuple(stopwords["removals"] or ()),
        ),
        stopword_presets={name: tuple(words) for name, words in block.get("stopwordPresets", {}).items()},
        index_null_state=block.get("indexNullState", False),
        index_property_length=block.get("indexPropertyLength", False),
        index_timestamps=block.get("indexTimestamps", False),
    )
