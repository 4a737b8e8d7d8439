"""Small changes of a collection's completed document: a property more, an index less."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from weft.domain.errors import Invalid
from weft.service.schema import fields, vector_index
from weft.service.schema.defaults import Defaults, Document, complete_property
from weft.service.schema.modules import ModuleCatalogue
from weft.service.schema.properties import Exists
from weft.service.schema.validate import validate_property

_INDEX_FLAGS: Mapping[str, str] = {
    "filterable": "indexFilterable",
    "searchable": "indexSearchable",
    "rangeFilters": "indexRangeFilters",
}


def add_property(
    document: Mapping[str, Any],
    given: Mapping[str, Any],
    modules: ModuleCatalogue,
    defaults: Defaults,
    *,
    exists: Exists | None = None,
) -> tuple[Document, Document]:
    """The collection's document with the property added, and the property's own with its defaults."""
    added = complete_property(given, document, modules, defaults)
    validate_property(added, document, modules, exists=exists)
    return {**document, "properties": [*document["properties"], added]}, added


def drop_property_index(document: Mapping[str, Any], name: str, index: str) -> Document:
    """The document without one index of a property: ``filterable``, ``searchable`` or ``rangeFilters``."""
    flag = _INDEX_FLAGS.get(index)
    if flag is None:
        raise Invalid(f"invalid property index type: {fields.shown(index)}; one of {', '.join(_INDEX_FLAGS)} expected")
    if all(one["name"] != name for one in document["properties"]):
        raise Invalid(f"property name {fields.shown(name)}: not found in class {document['class']}")
    return {
        **document,
        "properties": [{**one, flag: False} if one["name"] == name else one for one in document["properties"]],
    }


def drop_vector_index(document: Mapping[str, Any], name: str) -> Document:
    """The document with the index of a named vector marked as dropped."""
    entries = document.get("vectorConfig", {})
    if not entries:
        raise Invalid(f"class {document['class']!r} has no named vector configurations")
    if name not in entries:
        raise Invalid(f"vector index {fields.shown(name)!r} not found in class {document['class']!r}")
    kept = {key: value for key, value in entries[name].items() if key != "vectorIndexConfig"}
    return {**document, "vectorConfig": {**entries, name: {**kept, "vectorIndexType": vector_index.DROPPED}}}
