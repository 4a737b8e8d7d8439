"""Migrations: what can be done to the indexes of one property. Names and refusals are Weaviate's.

In Weft the searchable and the filterable index of a text are one: the same words, found by the searches and filters
that the property's settings allow. So a property has one tokenisation, whichever of the two a request names.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from weft.domain.errors import CallerError, NotFound
from weft.domain.json_values import JsonObject
from weft.service.schema.documents import Document, Stated


class IndexName(StrEnum):
    FILTERABLE = "filterable"
    SEARCHABLE = "searchable"
    RANGE_FILTERS = "rangeFilters"

    @property
    def flag(self) -> str:
        """Its key in a property's document."""
        return f"index{self[0].upper()}{self[1:]}"


class MigrationType(StrEnum):
    ENABLE_FILTERABLE = "enable-filterable"
    ENABLE_SEARCHABLE = "enable-searchable"
    ENABLE_RANGES = "enable-rangeable"
    CHANGE_TOKENIZATION = "change-tokenization"
    CHANGE_TOKENIZATION_FILTERABLE = "change-tokenization-filterable"
    REBUILD_SEARCHABLE = "rebuild-searchable"
    REBUILD_FILTERABLE = "repair-filterable"
    REBUILD_RANGES = "repair-rangeable"

    @property
    def indexes(self) -> tuple[IndexName, ...]:
        """Those that it changes."""
        return _INDEXES[self]

    @property
    def rebuilds(self) -> bool:
        """It indexes the stored objects once more and changes no setting."""
        return self in _REBUILDS

    @property
    def retokenizes(self) -> bool:
        return self in (MigrationType.CHANGE_TOKENIZATION, MigrationType.CHANGE_TOKENIZATION_FILTERABLE)

    @property
    def takes_tenants(self) -> bool:
        """It can be restricted to some of the tenants."""
        return self.rebuilds or self is MigrationType.ENABLE_RANGES


_REBUILDS = {
    MigrationType.REBUILD_SEARCHABLE: IndexName.SEARCHABLE,
    MigrationType.REBUILD_FILTERABLE: IndexName.FILTERABLE,
    MigrationType.REBUILD_RANGES: IndexName.RANGE_FILTERS,
}
_ENABLES = {
    MigrationType.ENABLE_FILTERABLE: IndexName.FILTERABLE,
    MigrationType.ENABLE_SEARCHABLE: IndexName.SEARCHABLE,
    MigrationType.ENABLE_RANGES: IndexName.RANGE_FILTERS,
}
_INDEXES = {
    **{type: (index,) for type, index in (_REBUILDS | _ENABLES).items()},
    MigrationType.CHANGE_TOKENIZATION: (IndexName.SEARCHABLE, IndexName.FILTERABLE),
    MigrationType.CHANGE_TOKENIZATION_FILTERABLE: (IndexName.FILTERABLE,),
}


@dataclass(frozen=True, slots=True)
class Migration:
    """``tokenization``: the one that it brings; ``before``: the one that it replaces; either may be empty."""

    type: MigrationType
    property: str
    tokenization: str = ""
    before: str = ""

    def apply(self, document: Document) -> None:
        """Change the document of a collection as it is when this is complete. Idempotent."""
        found = property_of(document, self.property)
        if self.type in _ENABLES:
            found[_ENABLES[self.type].flag] = True
        if self.tokenization:
            found["tokenization"] = self.tokenization

    def to_json(self) -> JsonObject:
        return {
            "type": self.type.value,
            "property": self.property,
            "tokenization": self.tokenization,
            "before": self.before,
        }

    @classmethod
    def of_json(cls, stored: JsonObject) -> Migration:
        """What ``to_json`` made."""
        return cls(
            MigrationType(str(stored["type"])),
            str(stored["property"]),
            str(stored["tokenization"]),
            str(stored["before"]),
        )


def index_name(given: str) -> IndexName:
    """Raises CallerError; ``rangeable`` is an earlier name."""
    try:
        return IndexName.RANGE_FILTERS if given == "rangeable" else IndexName(given)
    except ValueError:
        raise CallerError(f"{given[:40]!r} is not an index of a property; use one of {', '.join(IndexName)}") from None


def property_of(document: Stated, name: str) -> Document:
    """The property of a collection's document. Raises NotFound."""
    for one in document["properties"]:
        if one["name"] == name:
            found: Document = one
            return found
    raise NotFound(f'property "{name[:80]}" not found on collection "{document["class"]}"', property=name)
