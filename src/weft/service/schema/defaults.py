"""Fills every default into a collection's document.

Unknown keys are kept wherever they stand. A key that is null counts as absent. The result of ``complete`` given to
``complete`` again is unchanged.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from weft.domain import json_fields
from weft.domain.errors import Invalid
from weft.domain.json_fields import kind_of, shorten
from weft.domain.names import collection_name
from weft.service.schema import properties
from weft.service.schema.keys import ASYNC_REPLICATION
from weft.service.schema.modules import NONE, ModuleCatalogue
from weft.service.schema.vector_index import registry as vector_index

Document = dict[str, Any]

_INVERTED_FLAGS = ("indexNullState", "indexPropertyLength", "indexTimestamps")
_TENANT_SHARDING: Document = {
    "virtualPerPhysical": 0,
    "desiredCount": 0,
    "actualCount": 0,
    "desiredVirtualCount": 0,
    "actualVirtualCount": 0,
    "key": "",
    "strategy": "",
    "function": "",
}


@dataclass(frozen=True, slots=True)
class Defaults:
    """What the settings say about collections that do not say it themselves."""

    vectorizer: str = NONE
    index_kind: str = "hnsw"
    quantization: str = NONE
    tokenization: str = "word"


def complete(
    given: Mapping[str, Any],
    modules: ModuleCatalogue,
    defaults: Defaults = Defaults(),
    *,
    existing: Mapping[str, Any] | None = None,
) -> Document:
    """``given`` with every default filled in; raises Invalid for a value of the wrong type.

    With ``existing`` (the collection's present, completed document) the result is for ``update``: the default
    quantizer is left to vectors that are new.
    """
    json_fields.check_size(given, "the class document")
    name = class_name(given)
    where = f"class '{shorten(name)}'"
    document: Document = {key: value for key, value in given.items() if value is not None}
    document["class"] = name
    if not json_fields.string(given, "description", where):
        document.pop("description", None)
    _complete_vectors(document, modules, defaults, where, existing)
    document["properties"] = [
        complete_property(one, document, modules, defaults)
        for one in json_fields.objects(given, "properties", where) or []
    ]
    document["invertedIndexConfig"] = complete_inverted(json_fields.object_(given, "invertedIndexConfig", where) or {})
    document["multiTenancyConfig"] = _filled(
        json_fields.object_(given, "multiTenancyConfig", where) or {},
        {"enabled": False, "autoTenantCreation": False, "autoTenantActivation": False},
        "multiTenancyConfig",
    )
    document["replicationConfig"] = _replication(json_fields.object_(given, "replicationConfig", where) or {})
    document["shardingConfig"] = _sharding(
        json_fields.object_(given, "shardingConfig", where), document["multiTenancyConfig"]["enabled"], existing
    )
    _complete_ttl(document, where, existing)
    return document


def complete_property(
    given: Mapping[str, Any], document: Mapping[str, Any], modules: ModuleCatalogue, defaults: Defaults
) -> Document:
    """A property's document with every default filled in, those of the vectorizers of ``document`` included."""
    json_fields.check_size(given, "the property document")
    used = [name for name in vectorizers(document) if modules.knows(name) and modules.is_vectorizer(name)]

    def entries(data_type: str) -> Mapping[str, Mapping[str, Any]]:
        found = {name: modules.property_defaults(name, data_type) for name in used}
        return {name: entry for name, entry in found.items() if entry}

    return properties.complete(given, entries, defaults.tokenization)


def class_name(given: Mapping[str, Any]) -> str:
    """The class name of a document, its first letter in upper case."""
    name = json_fields.string(given, "class", "class") or ""
    return collection_name(name)


def vectorizers(document: Mapping[str, Any]) -> list[str]:
    """The vectorizer modules that a completed document names, «none» left out."""
    named = [name for entry in document.get("vectorConfig", {}).values() for name in entry["vectorizer"]]
    return [name for name in dict.fromkeys([*named, document.get("vectorizer", NONE)]) if name != NONE]


def _filled(given: Mapping[str, Any], defaults: Mapping[str, bool | int | str], where: str) -> Document:
    """``given`` over ``defaults``, each value of its default's type."""
    filled: Document = {key: value for key, value in given.items() if value is not None}
    for key, default in defaults.items():
        read: Callable[[Mapping[str, Any], str, str], Any] = (
            json_fields.boolean
            if isinstance(default, bool)
            else json_fields.integer
            if isinstance(default, int)
            else json_fields.string
        )
        value = read(given, key, where)
        filled[key] = default if value is None else value
    return filled


# -- vectors


def _complete_vectors(
    document: Document,
    modules: ModuleCatalogue,
    defaults: Defaults,
    where: str,
    existing: Mapping[str, Any] | None,
) -> None:
    """The legacy form unless there are named vectors; both only where the collection has both already, or gains one."""
    named = json_fields.object_(document, "vectorConfig", where)
    legacy = [
        key for key in ("vectorizer", "vectorIndexType", "vectorIndexConfig") if document.get(key) not in (None, "")
    ]
    settings: Document = dict(json_fields.object_(document, "moduleConfig", where) or {})
    for module, config in settings.items():
        if config is not None and not isinstance(config, Mapping):
            raise Invalid(f"{where}: moduleConfig.{shorten(module)} must be an object, not {kind_of(config)}")
    if not named:
        document.pop("vectorConfig", None)
    if named and legacy and (existing is None or "vectorizer" not in existing):
        raise Invalid(
            f"{where}: creating a class with both a class level vector index and named vectors is forbidden; remove "
            f"{', '.join(legacy)} or vectorConfig"
        )
    if not named or legacy:
        vectorizer = (
            json_fields.string(document, "vectorizer", where)
            or (existing or {}).get("vectorizer")
            or defaults.vectorizer
        )
        document["vectorizer"] = vectorizer
        _complete_index(document, modules, defaults, vectorizer, where, is_new=existing is None)
        if _is_vectorizer(modules, vectorizer):
            kept = (existing or {}).get("moduleConfig", {}).get(vectorizer, {})
            merged = modules.defaults(vectorizer, settings.get(vectorizer) or kept)
            if merged:
                settings[vectorizer] = dict(merged)
    if settings or document.get("moduleConfig") is not None:
        document["moduleConfig"] = settings
    else:
        document.pop("moduleConfig", None)
    if named:
        known = (existing or {}).get("vectorConfig", {})
        document["vectorConfig"] = {
            name: _named_vector(name, entry, modules, defaults, is_new=name not in known)
            for name, entry in named.items()
        }


def _named_vector(name: str, given: object, modules: ModuleCatalogue, defaults: Defaults, *, is_new: bool) -> Document:
    where = f"target vector {shorten(name)!r}"
    if not isinstance(given, Mapping):
        raise Invalid(f"{where}: its configuration must be an object, not {kind_of(given)}")
    entry: Document = {key: value for key, value in given.items() if value is not None}
    vectorizer = json_fields.object_(given, "vectorizer", where)
    if vectorizer is None or len(vectorizer) != 1:
        got = "none" if vectorizer is None else str(len(vectorizer))
        raise Invalid(
            f"{where}: vectorizer must be an object with exactly one module, got {got}; "
            'for vectors of your own write {"none": {}}'
        )
    ((module, settings),) = vectorizer.items()
    if settings is not None and not isinstance(settings, Mapping):
        raise Invalid(f"{where}: the settings of {shorten(module)} must be an object, not {kind_of(settings)}")
    filled = modules.defaults(module, settings or {}) if _is_vectorizer(modules, module) else settings or {}
    entry["vectorizer"] = {module: dict(filled)}
    if given.get("vectorIndexType") == vector_index.DROPPED:
        if is_new:
            raise Invalid(
                f"{where}: unrecognized or unsupported vectorIndexType 'none': it marks a dropped index; "
                "it cannot be set"
            )
        entry.pop("vectorIndexConfig", None)
        return entry
    _complete_index(entry, modules, defaults, module, where, is_new=is_new)
    return entry


def _complete_index(
    holder: Document, modules: ModuleCatalogue, defaults: Defaults, vectorizer: str, where: str, *, is_new: bool
) -> None:
    """Fill ``vectorIndexType`` and ``vectorIndexConfig`` of ``holder``."""
    kind = json_fields.string(holder, "vectorIndexType", where) or defaults.index_kind
    given = json_fields.object_(holder, "vectorIndexConfig", where) or {}
    multi = _is_vectorizer(modules, vectorizer) and modules.is_multi_vector(vectorizer)
    holder["vectorIndexType"] = kind
    block = vector_index.complete(kind, given, f"{where}: vectorIndexConfig", multi=multi)
    if is_new and not block.get("trackDefaultQuantization"):
        vector_index.quantize(kind, block, defaults.quantization)
    holder["vectorIndexConfig"] = block


def _is_vectorizer(modules: ModuleCatalogue, name: str) -> bool:
    return name != NONE and modules.knows(name) and modules.is_vectorizer(name)


# -- the rest


def complete_inverted(given: Mapping[str, Any]) -> Document:
    """An ``invertedIndexConfig`` with every default filled in."""
    where = "invertedIndexConfig"
    config: Document = {key: value for key, value in given.items() if value is not None}
    bm25 = json_fields.object_(given, "bm25", where) or {}
    b, k1 = json_fields.number(bm25, "b", "bm25"), json_fields.number(bm25, "k1", "bm25")
    config["bm25"] = {**bm25, "b": 0.75 if b is None else b, "k1": 1.2 if k1 is None else k1}
    config["cleanupIntervalSeconds"] = json_fields.integer(given, "cleanupIntervalSeconds", where) or 60
    stopwords = json_fields.object_(given, "stopwords", where) or {}
    config["stopwords"] = {
        **stopwords,
        "preset": json_fields.string(stopwords, "preset", "stopwords") or "en",
        "additions": json_fields.strings(stopwords, "additions", "stopwords") or None,
        "removals": json_fields.strings(stopwords, "removals", "stopwords") or None,
    }
    config["usingBlockMaxWAND"] = True
    for key in _INVERTED_FLAGS:
        if not json_fields.boolean(given, key, where):
            config.pop(key, None)
    presets = json_fields.object_(given, "stopwordPresets", where) or {}
    config.pop("stopwordPresets", None)
    if presets:
        config["stopwordPresets"] = {
            name: json_fields.strings(presets, name, "stopwordPresets") or [] for name in presets
        }
    return config


def _replication(given: Mapping[str, Any]) -> Document:
    where = "replicationConfig"
    config = _filled(given, {"factor": 1, "deletionStrategy": "TimeBasedResolution"}, where)
    config["factor"] = config["factor"] or 1
    config["deletionStrategy"] = config["deletionStrategy"] or "TimeBasedResolution"
    config["asyncEnabled"] = False
    given_async = json_fields.object_(given, "asyncConfig", where) or {}
    config.pop("asyncConfig", None)
    kept = {key: json_fields.integer(given_async, key, "asyncConfig") for key in ASYNC_REPLICATION}
    known = {key: value for key, value in kept.items() if value is not None}
    if known:
        config["asyncConfig"] = known
    return config


def _sharding(given: Mapping[str, Any] | None, tenants: bool, existing: Mapping[str, Any] | None) -> Document:
    """As it was asked for, and as it is: one shard."""
    where = "shardingConfig"
    if tenants:
        if given is not None and existing is None and given != _TENANT_SHARDING:
            raise Invalid("cannot have both shardingConfig and multiTenancyConfig; tenants are the shards")
        return dict(_TENANT_SHARDING)
    defaults: dict[str, bool | int | str] = {
        "virtualPerPhysical": 128,
        "desiredCount": 1,
        "key": "_id",
        "strategy": "hash",
        "function": "murmur3",
    }
    config = _filled(given or {}, defaults, where)
    config["actualCount"] = 1
    config["desiredVirtualCount"] = config["desiredCount"] * config["virtualPerPhysical"]
    config["actualVirtualCount"] = config["virtualPerPhysical"]
    return config


def _complete_ttl(document: Document, where: str, existing: Mapping[str, Any] | None) -> None:
    given = json_fields.object_(document, "objectTtlConfig", where)
    document.pop("objectTtlConfig", None)
    if not given:
        return
    config = _filled(
        given, {"enabled": False, "defaultTtl": 0, "deleteOn": "", "filterExpiredObjects": False}, "objectTtlConfig"
    )
    config["deleteOn"] = config["deleteOn"].strip()
    document["objectTtlConfig"] = config
    by_timestamp = config["deleteOn"] in ("_creationTimeUnix", "_lastUpdateTimeUnix")
    if config["enabled"] and by_timestamp and existing is None:
        document["invertedIndexConfig"]["indexTimestamps"] = True
