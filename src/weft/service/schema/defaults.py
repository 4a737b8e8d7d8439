"""Fills every default into a collection's document.

Unknown keys are dropped, except in the settings of modules. A key that is null counts as absent. The result of
``complete`` given to ``complete`` again is unchanged.
"""

from __future__ import annotations

from collections.abc import Mapping

from weft.domain import json_fields
from weft.domain.json_fields import shorten
from weft.domain.names import collection_name
from weft.service.schema import expiry, inverted, properties, replication, revisions, sharding, vectors
from weft.service.schema.documents import NOTHING_SAID, Defaults, Document, Stated, filled
from weft.service.schema.keys import CLASS
from weft.service.schema.modules import ModuleCatalogue


def complete(
    given: Stated,
    modules: ModuleCatalogue,
    defaults: Defaults = NOTHING_SAID,
    *,
    existing: Stated | None = None,
) -> Document:
    """``given`` with every default filled in; raises Invalid for a value of the wrong type.

    With ``existing`` (the collection's present, completed document) the result is for ``update``: the default
    quantizer is left to vectors that are new.
    """
    json_fields.check_size(given, "the class document")
    name = class_name(given)
    where = f"class '{shorten(name)}'"
    document: Document = CLASS.declared(given)
    document["class"] = name
    if not json_fields.string(given, "description", where):
        document.pop("description", None)
    vectors.complete(document, modules, defaults, where, existing)
    document["properties"] = [
        complete_property(one, document, modules, defaults)
        for one in json_fields.objects(given, "properties", where) or []
    ]
    document["invertedIndexConfig"] = inverted.complete(json_fields.object_(given, "invertedIndexConfig", where) or {})
    document["multiTenancyConfig"] = filled(
        json_fields.object_(given, "multiTenancyConfig", where) or {},
        {"enabled": False, "autoTenantCreation": False, "autoTenantActivation": False},
        "multiTenancyConfig",
    )
    document["replicationConfig"] = replication.complete(json_fields.object_(given, "replicationConfig", where) or {})
    document["shardingConfig"] = sharding.complete(
        json_fields.object_(given, "shardingConfig", where), document["multiTenancyConfig"]["enabled"], existing
    )
    expiry.complete(document, where, existing)
    if existing is not None and revisions.KEY in existing:
        document[revisions.KEY] = existing[revisions.KEY]
    return document


def complete_property(given: Stated, document: Stated, modules: ModuleCatalogue, defaults: Defaults) -> Document:
    """A property's document with every default filled in, those of the vectorizers of ``document`` included."""
    json_fields.check_size(given, "the property document")
    used = [name for name in vectors.vectorizers(document) if modules.knows(name) and modules.is_vectorizer(name)]

    def entries(data_type: str) -> Mapping[str, Stated]:
        found = {name: modules.property_defaults(name, data_type) for name in used}
        return {name: entry for name, entry in found.items() if entry}

    return properties.complete(given, entries, defaults.tokenization)


def class_name(given: Stated) -> str:
    """The class name of a document, its first letter in upper case."""
    name = json_fields.string(given, "class", "class") or ""
    return collection_name(name)
