"""The vectors of a document, named or in the legacy form, with their modules and indexes: defaults, validation."""

from __future__ import annotations

import re
from collections.abc import Mapping

from weft.domain import json_fields
from weft.domain.errors import Invalid
from weft.domain.json_fields import kind_of, shorten
from weft.domain.schema import LEGACY_VECTOR, VectorConfig
from weft.service.schema.documents import Defaults, Document, Stated
from weft.service.schema.keys import NAMED_VECTOR
from weft.service.schema.modules import NONE, ModuleCatalogue
from weft.service.schema.vector_index import registry as vector_index

_NEW_NAME = re.compile(r"[_A-Za-z][_0-9A-Za-z]{0,229}")
_ADDED_NAME = re.compile(r"[_A-Za-z][-_0-9A-Za-z]{0,229}")
"""Clients add vectors with a hyphen, which Weaviate takes where a collection gains one. GraphQL cannot return these."""
_MAX_VECTORS = 256


def vectorizers(document: Stated) -> list[str]:
    """The vectorizer modules that a completed document names, ``none`` left out."""
    named = [name for entry in document.get("vectorConfig", {}).values() for name in entry["vectorizer"]]
    return [name for name in dict.fromkeys([*named, document.get("vectorizer", NONE)]) if name != NONE]


# -- defaults


def complete(
    document: Document,
    modules: ModuleCatalogue,
    defaults: Defaults,
    where: str,
    existing: Stated | None,
) -> None:
    """The legacy form unless there are named vectors; both only if the collection has both already, or gains one."""
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
            name: _named_vector(name, entry, modules, defaults, is_new=name not in known, is_added=existing is not None)
            for name, entry in named.items()
        }


def _named_vector(
    name: str, given: object, modules: ModuleCatalogue, defaults: Defaults, *, is_new: bool, is_added: bool
) -> Document:
    where = f"target vector {shorten(name)!r}"
    if not isinstance(given, Mapping):
        raise Invalid(f"{where}: its configuration must be an object, not {kind_of(given)}")
    if is_new and not (_ADDED_NAME if is_added else _NEW_NAME).fullmatch(name):
        characters = "letters, digits, underscores and hyphens" if is_added else "letters, digits and underscores"
        raise Invalid(
            f"{where} is not a valid name; it starts with a letter or underscore, continues with {characters}, "
            "and has at most 230 characters"
        )
    entry: Document = NAMED_VECTOR.declared(given)
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
                f"{where}: unrecognized or unsupported vectorIndexType 'none': it is the "
                "internal sentinel for dropped indexes and cannot be set"
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


# -- refusals


def validate(document: Stated, modules: ModuleCatalogue, *, async_indexing: bool) -> None:
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


def _check_named_vector(name: str, entry: Stated, modules: ModuleCatalogue, *, async_indexing: bool) -> None:
    where = f"target vector {shorten(name)!r}"
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
        raise Invalid(f'{where}: no module with name "{shorten(name)}" present; /v1/meta lists those that are')
    if not modules.is_vectorizer(name):
        raise Invalid(f"{where}: module {name!r} is not a vectorizer")


def validate_modules(document: Stated, modules: ModuleCatalogue) -> None:
    """Each module that is used accepts its settings.

    In the legacy form ``moduleConfig`` may have settings of modules that do not exist here; they are kept. Those of a
    vectorizer that makes no vector are kept in both forms.
    """
    for name, settings in document.get("moduleConfig", {}).items():
        if name == NONE:
            continue
        if not modules.knows(name):
            if "vectorizer" in document:
                continue
            raise Invalid(f"module with name {shorten(name)!r} doesn't exist; enable it or leave it out")
        if not modules.is_vectorizer(name) or name == document.get("vectorizer"):
            modules.validate(name, settings or {}, document)
    for entry in document.get("vectorConfig", {}).values():
        for module, settings in entry["vectorizer"].items():
            if module != NONE:
                modules.validate(module, settings, document)


# -- typed view


def parse(name: str, vectorizer: str, settings: Stated, holder: Stated) -> VectorConfig:
    sources = settings.get("properties")
    return VectorConfig(
        name=name,
        vectorizer=vectorizer,
        settings=settings,
        source_properties=tuple(sources) if isinstance(sources, list) else None,
        index=vector_index.parse(holder["vectorIndexType"], holder.get("vectorIndexConfig", {})),
    )
