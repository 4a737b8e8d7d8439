"""The typed view of a completed document."""

from __future__ import annotations

from dataclasses import replace

from weft.domain.schema import (
    LEGACY_VECTOR,
    CollectionConfig,
    Property,
    Tenancy,
    TextAnalyzer,
    Tokenization,
    VectorConfig,
)
from weft.service.schema import expiry, inverted, revisions, vectors
from weft.service.schema.documents import Stated
from weft.service.schema.keys import CLASS
from weft.service.schema.modules import NONE
from weft.service.schema.properties import data_type_of


def parse(document: Stated) -> CollectionConfig:
    """The typed view of a completed and valid ``document``, which it keeps and must not be changed afterwards.

    Keys that an older version stored as unknown, because it matched their case, are left out.
    """
    document = CLASS.without_variants(document)
    properties = tuple(parse_property(one) for one in document["properties"])
    named = document.get("vectorConfig", {})
    parsed: dict[str, VectorConfig] = {}
    settings = document.get("moduleConfig", {})
    if "vectorizer" in document:
        vectorizer = document["vectorizer"]
        parsed[LEGACY_VECTOR] = vectors.parse(LEGACY_VECTOR, vectorizer, settings.get(vectorizer) or {}, document)
    for name, entry in named.items():
        ((module, own),) = entry["vectorizer"].items()
        parsed[name] = vectors.parse(name, module, own, entry)
    revised = revisions.of_document(document)
    parsed = {
        name: replace(one, name=revised[name].serving) if name in revised else one for name, one in parsed.items()
    }
    tenancy = document["multiTenancyConfig"]
    return CollectionConfig(
        name=document["class"],
        properties=properties,
        vectors=parsed,
        revisions={own: one for found in revised.values() for own, one in found.parsed().items()},
        unnamed_vector="vectorizer" in document,
        description=document.get("description"),
        inverted=inverted.parse(document["invertedIndexConfig"]),
        tenancy=Tenancy(
            enabled=tenancy["enabled"],
            auto_creation=tenancy["autoTenantCreation"],
            auto_activation=tenancy["autoTenantActivation"],
        ),
        module_config={
            name: own or {} for name, own in settings.items() if name not in (NONE, document.get("vectorizer"))
        },
        expiry=expiry.parse(document.get("objectTtlConfig") or {}),
        document=document,
    )


def parse_property(document: Stated) -> Property:
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
        distinct_references=document.get("disableDuplicatedReferences") is True,
    )
