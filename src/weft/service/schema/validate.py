"""Validation of a completed document."""

from __future__ import annotations

from weft.domain import json_fields
from weft.domain.errors import Invalid
from weft.domain.json_fields import shorten
from weft.service.schema import expiry, inverted, properties, replication, sharding, vectors
from weft.service.schema.documents import Stated
from weft.service.schema.modules import NONE, ModuleCatalogue
from weft.service.schema.properties import Exists


def validate(document: Stated, modules: ModuleCatalogue, *, async_indexing: bool, exists: Exists | None = None) -> None:
    """Raises Invalid when the completed ``document`` does not describe a valid collection.

    ``exists``: whether a collection exists, called for each target of a reference; None lets references point to
    collections that do not exist yet.
    """
    name = document["class"]
    check_class_name(name)
    json_fields.check_size(document, "the class document")
    inverted.validate(document["invertedIndexConfig"])
    _check_properties(document, modules, exists)
    vectors.validate(document, modules, async_indexing=async_indexing)
    vectors.validate_modules(document, modules)
    tenancy = document["multiTenancyConfig"]
    for key in ("autoTenantCreation", "autoTenantActivation"):
        if tenancy[key] and not tenancy["enabled"]:
            raise Invalid(f"can't enable {key} on a non-multi-tenant class")
    replication.validate(document["replicationConfig"])
    if not tenancy["enabled"]:
        sharding.validate(document["shardingConfig"])
    expiry.validate(document)


def validate_property(property: Stated, document: Stated, modules: ModuleCatalogue, *, exists: Exists | None) -> None:
    """Raises Invalid when the completed ``property`` cannot be added to the collection of ``document``."""
    existing = document["properties"]
    taken = {one["name"].lower() for one in existing}
    if properties.count(existing) + properties.count([property]) > properties.MAX_PROPERTIES:
        raise Invalid(f"class {document['class']!r} would have more than {properties.MAX_PROPERTIES} properties")
    _check_property(property, document, modules, taken, exists)


def check_class_name(name: str, kind: str = "class") -> None:
    """Raises Invalid for a name that is not valid for a collection (or alias)."""
    if len(name) > 255:
        raise Invalid(f"'{shorten(name)}' is not a valid {kind} name. Name should not be longer than 255 characters")
    if not properties.CLASS_NAME.fullmatch(name):
        raise Invalid(
            f"'{shorten(name)}' is not a valid {kind} name; it starts with an upper-case letter and continues with "
            "letters, digits and underscores"
        )
    if name.lower() == "raft":
        raise Invalid("class name `raft` is reserved")


# -- properties


def _check_properties(document: Stated, modules: ModuleCatalogue, exists: Exists | None) -> None:
    if properties.count(document["properties"]) > properties.MAX_PROPERTIES:
        raise Invalid(f"class {document['class']!r} has more than {properties.MAX_PROPERTIES} properties")
    taken: set[str] = set()
    for one in document["properties"]:
        _check_property(one, document, modules, taken, exists)
        taken.add(one["name"].lower())


def _check_property(
    property: Stated,
    document: Stated,
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
        if module in used or not modules.knows(module) or not modules.is_vectorizer(module):
            continue
        if modules.is_provider(module):  # Weaviate has these always, and ignores those that it lacks
            raise Invalid(f"property '{name}': vectorizer {module!r} not configured for any of target vectors")


def _vectorizer_names(document: Stated) -> set[str]:
    named = {module for entry in document.get("vectorConfig", {}).values() for module in entry["vectorizer"]}
    return named | {document.get("vectorizer", NONE)}
