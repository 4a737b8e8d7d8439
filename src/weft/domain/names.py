"""The canonical names of collections and properties, and the error for an unknown property.

The first letter of a collection's name is upper case and that of a property's lower case, whatever a caller writes.
The rest of a name is kept as written.
"""

from __future__ import annotations

from dataclasses import dataclass

from weft.domain.errors import Invalid

_MAX_QUOTED = 80


@dataclass(frozen=True, slots=True)
class Alias:
    """Another name of a collection."""

    name: str
    collection: str


def collection_name(name: str) -> str:
    """``article`` is ``Article``. Also for aliases, which share the namespace of collections."""
    return name[:1].upper() + name[1:]


def property_name(name: str) -> str:
    """``Title`` is ``title``."""
    return name[:1].lower() + name[1:]


def unknown_property(name: str, collection: str) -> Invalid:
    """The error for a property that ``collection`` lacks, worded as Weaviate words it."""
    return Invalid(
        f"no such prop with name '{name[:_MAX_QUOTED]}' found in class '{collection}' in the schema. "
        "Check your schema files for which properties in this class are available",
        property=name,
    )
