"""What is refused of a completed document."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from weft.domain import json_fields
from weft.domain.errors import Invalid
from weft.domain.json_fields import shorten
from weft.domain.schema import LEGACY_VECTOR, DataType
from weft.service.schema import properties
from weft.service.schema.modules import NONE, ModuleCatalogue
from weft.service.schema.properties import Exists
from weft.service.schema.vector_index import registry as vector_index

_VECTOR_NAME = re.compile(r"[_A-Za-z][-_0-9A-Za-z]{0,229}")
_MAX_VECTORS = 256
_DELETION_STRATEGIES = ("TimeBasedResolution", "NoAutomatedResolution", "DeleteOnConflict")
_MINIMUM_TTL_S = 60
_ASYNC_LIMITS: Mapping[str, tuple[int, int]] = {
    "hashtreeHeight": (0, 20),
    "frequency": (0, 2**43),
    "frequencyWhilePropagating": (0, 2**43),
    "loggingFrequency": (1, 2**33),
    "diffBatchSize": (1, 10_000),
    "diffPerNodeTimeout": (1, 2**33),
    "prePropagationTimeout": (1, 2**33),
    "propagationTimeout": (1, 2**33),
    "propagationLimit": (1, 100_000),
    "propagationDelay": (0, 2**43),
    "propagationConcurrency": (1, 20),
    "propagationBatchSize": (1, 1_000),
}


def validate(
    document: Mapping[str, Any], modules: ModuleCatalogue, *, async_indexing: bool, exists: Exists | None = None
) -> None:
    """Raises Invalid when the completed ``document`` describes a collection that cannot be.

    ``exists``: whether a collection exists, asked for each target of a reference; None lets references point to
    collections that are still to come.
    """
    name = document["class"]
    check_class_name(name)
    json_fields.check_size(document, "the class document")
    validate_inverted(document["invertedIndexConfig"])
    _check_properties(document, modules, exists)
    _check_vectors(document, modules, async_indexing=async_indexing)
    _check_modules(document, modules)
    tenancy = document["multiTenancyConfig"]
    for key in ("autoTenantCreation", "autoTenantActivation"):
        if tenancy[key] and not tenancy["enabled"]:
            raise Invalid(f"can't enable {key} on a non-multi-tenant class")
    _check_replication(document["replicationConfig"])
    if not tenancy["enabled"]:
        _check_sharding(document["shardingConfig"])
    _check_ttl(document)


def validate_property(
    property: Mapping[str, Any], document: Mapping[str, Any], modules: ModuleCatalogue, *, exists: Exists | None
) -> None:
    """Raises Invalid when the completed ``property`` cannot be added to the collection of ``document``."""
    existing = document["properties"]
    taken = {one["name"].lower() for one in existing}
    if properties.count(existing) + properties.count([property]) > properties.MAX_PROPERTIES:
        raise Invalid(f"class {document['class']!r} would have more than {properties.MAX_PROPERTIES} properties")
    _check_property(property, document, modules, taken, exists)


def check_class_name(name: str, kind: str = "class") -> None:
    """Raises Invalid for a name that no collection (or alias) can have."""
    if len(name) > 255:
        raise Invalid(f"'{shorten(name)}' is not a valid {kind} name. Name should not be longer than 255 characters")
    if not properties.CLASS_NAME.fullmatch(name):
        raise Invalid(
            f"'{shorten(name)}' is not a valid {kind} name; it starts with an upper-case letter and goes on with "
            "letters, digits and underscores"
        )
    if name.lower() == "raft":
        raise Invalid("class name `raft` is reserved")


def validate_inverted(config: Mapping[str, Any]) -> None:
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


# -- properties


def _check_properties(document: Mapping[str, Any], modules: ModuleCatalogue, exists: Exists | None) -> None:
    if properties.count(document["properties"]) > properties.MAX_PROPERTIES:
        raise Invalid(f"class {document['class']!r} has more than {properties.MAX_PROPERTIES} properties")
    taken: set[str] = set()
    for one in document["properties"]:
        _check_property(one, document, modules, taken, exists)
        taken.add(one["name"].lower())


def _check_property(
    property: Mapping[str, Any],
    document: Mapping[str, Any],
    modules: ModuleCatalogue,
    taken: set[str],
    exists: Exists | None,
) -> None:
    name = property["name"]
    presets = document["invertedIndexConfig"].get("stopwordPresets", {})
    properties.validate(property, presets, exists=exists, own=document["class"])
    if name.lower() in taken:
        raise Invalid(
            f"class {document['class']!r}: conflict for property {name!r}: already in use or provided multiple times"
        )
    used = _vectorizer_names(document)
    for module in property.get("moduleConfig", {}):
        if module not in used and modules.knows(module) and modules.is_vectorizer(module):
            raise Invalid(f"property '{name}': vectorizer {module!r} not configured for any of target vectors")


def _vectorizer_names(document: Mapping[str, Any]) -> set[str]:
    named = {module for entry in document.get("vectorConfig", {}).values() for module in entry["vectorizer"]}
    return named | {document.get("vectorizer", NONE)}


# -- vectors and modules


def _check_vectors(document: Mapping[str, Any], modules: ModuleCatalogue, *, async_indexing: bool) -> None:
    if "vectorizer" in document:
        vectorizer = document["vectorizer"]
        _check_vectorizer(vectorizer, modules, "vectorizer")
        multi = vectorizer != NONE and modules.is_multi_vector(vectorizer)
        if multi:
            raise Invalid(
                f"multi vector vectorizer: {vectorizer!r} is only allowed to be defined using named vector "
                "configuration (vectorConfig)"
            )
        block = document["vectorIndexConfig"]
        vector_index.validate(
            document["vectorIndexType"], block, "vectorIndexConfig", multi=False, async_indexing=async_indexing
        )
        if block.get("multivector", {}).get("enabled"):
            raise Invalid("multi vector index is only configurable using named vectors; use vectorConfig")
    entries = document.get("vectorConfig", {})
    if len(entries) > _MAX_VECTORS:
        raise Invalid(f"class {document['class']!r} has more than {_MAX_VECTORS} named vectors")
    for name, entry in entries.items():
        _check_named_vector(name, entry, modules, async_indexing=async_indexing)
    if "vectorizer" in document and LEGACY_VECTOR in entries:
        raise Invalid(
            f"vector named {LEGACY_VECTOR} cannot be created when collection level vector index is configured"
        )


def _check_named_vector(name: str, entry: Mapping[str, Any], modules: ModuleCatalogue, *, async_indexing: bool) -> None:
    where = f"target vector {shorten(name)!r}"
    if not _VECTOR_NAME.fullmatch(name):
        raise Invalid(
            f"{where} is not a valid name; it starts with a letter or underscore, goes on with letters, digits, "
            "underscores and hyphens, and has at most 230 characters"
        )
    (module,) = entry["vectorizer"]
    _check_vectorizer(module, modules, where)
    if entry["vectorIndexType"] == vector_index.DROPPED:
        return
    multi = module != NONE and modules.is_multi_vector(module)
    block = entry["vectorIndexConfig"]
    vector_index.validate(entry["vectorIndexType"], block, where, multi=multi, async_indexing=async_indexing)
    if not multi and module != NONE and block.get("multivector", {}).get("enabled"):
        raise Invalid(
            f"{where}: multi vector index configured but vectorizer: {module!r} doesn't support multi vectors"
        )


def _check_vectorizer(name: str, modules: ModuleCatalogue, where: str) -> None:
    if name == NONE:
        return
    if not modules.knows(name):
        raise Invalid(f"{where}: no module with name {shorten(name)!r} present")
    if not modules.is_vectorizer(name):
        raise Invalid(f"{where}: module {name!r} is not a vectorizer")


def _check_modules(document: Mapping[str, Any], modules: ModuleCatalogue) -> None:
    """Each module accepts its settings."""
    for name, settings in document.get("moduleConfig", {}).items():
        if name == NONE:
            continue
        if not modules.knows(name):
            raise Invalid(f"module with name {shorten(name)!r} doesn't exist; enable it or leave it out")
        if modules.is_vectorizer(name) and name != document.get("vectorizer"):
            raise Invalid(
                f"moduleConfig has settings of the vectorizer {name!r}, but the class's vectorizer is "
                f"{document.get('vectorizer', NONE)!r}"
            )
        modules.validate(name, settings or {}, document)
    for entry in document.get("vectorConfig", {}).values():
        for module, settings in entry["vectorizer"].items():
            if module != NONE:
                modules.validate(module, settings, document)


# -- the rest


def _check_replication(config: Mapping[str, Any]) -> None:
    if config["factor"] < 1:
        raise Invalid(f"replication factor must be at least 1, got {config['factor']}")
    if config["factor"] > 1:
        raise Invalid(
            f"invalid replication factor: this server is one node and keeps one replica: got {config['factor']}; set 1"
        )
    if config["deletionStrategy"] not in _DELETION_STRATEGIES:
        known = ", ".join(_DELETION_STRATEGIES)
        raise Invalid(f"unknown deletionStrategy {shorten(config['deletionStrategy'])!r}; one of {known} expected")
    for key, value in config.get("asyncConfig", {}).items():
        low, high = _ASYNC_LIMITS[key]
        if not low <= value <= high:
            raise Invalid(f"async replication config: {key}: value {value} out of range: min {low}, max {high}")


def _check_sharding(config: Mapping[str, Any]) -> None:
    for key, only in (("key", "_id"), ("strategy", "hash"), ("function", "murmur3")):
        if config[key] != only:
            raise Invalid(f"sharding only supported with {key} '{only}', got: {shorten(config[key])}")
    for key, high in (("desiredCount", 1_000), ("virtualPerPhysical", 1_000_000)):
        if not 0 <= config[key] <= high:
            raise Invalid(f"sharding config: {key} must be from 0 to {high}, got: {config[key]}")


def _check_ttl(document: Mapping[str, Any]) -> None:
    config = document.get("objectTtlConfig")
    if config is None or not config["enabled"]:
        return
    on = config["deleteOn"]
    if not on:
        raise Invalid(
            'ObjectTTLConfig: missing value for "deleteOn". Set "_creationTimeUnix", "_lastUpdateTimeUnix" or a '
            'property of "date" type'
        )
    if on in ("_creationTimeUnix", "_lastUpdateTimeUnix"):
        if not document["invertedIndexConfig"].get("indexTimestamps"):
            raise Invalid(
                f'ObjectTTLConfig: "deleteOn"="{on}" requires indexed timestamps. '
                'Enable "invertedIndexConfig.indexTimestamps"'
            )
        if config["defaultTtl"] < _MINIMUM_TTL_S:
            raise Invalid(
                f'ObjectTTLConfig: defaultTtl value too small for "deleteOn"="{on}". Required minimum '
                f'"{_MINIMUM_TTL_S}" seconds, given "{config["defaultTtl"]}" seconds'
            )
        return
    for one in document["properties"]:
        if one["name"] == on:
            if one["dataType"] != [DataType.DATE]:
                raise Invalid(
                    f'ObjectTTLConfig: property "{on}" set as "deleteOn" should have "date" data type, '
                    f'"{one["dataType"][0]}" given'
                )
            if not one["indexFilterable"] and not one["indexRangeFilters"]:
                raise Invalid(
                    f'ObjectTTLConfig: property "{on}" set as "deleteOn" should have filterable or rangeable index '
                    "enabled"
                )
            return
    raise Invalid(f'ObjectTTLConfig: property "{shorten(on)}" set as "deleteOn" not found among collection properties')
