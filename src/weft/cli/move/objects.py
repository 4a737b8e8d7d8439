"""Objects and collections on their way from a place to another."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from weft.domain.json_values import JsonObject, JsonValue

UNNAMED = ""
"""The name of the vector of a collection that has one without a name."""

Cursor: TypeAlias = JsonValue
"""After which object a source continues; None at the beginning. Its form is the source's own."""


@dataclass(slots=True)
class MovedObject:
    """``properties`` as in the target's JSON, references as lists of beacons; ``vectors`` by name, lists of numbers, or
    lists of those. ``created_ms`` and ``updated_ms`` are 0 where the source has no times."""

    uuid: str
    properties: dict[str, JsonValue]
    vectors: dict[str, JsonValue] = field(default_factory=dict)
    created_ms: int = 0
    updated_ms: int = 0


@dataclass(slots=True)
class UnmovedRow:
    """What cannot become an object, as the source has it, and why."""

    row: JsonObject
    error: str


@dataclass(slots=True)
class SourcePage:
    """``after``: the cursor behind it, None after the last; ``size_bytes``: roughly, as it was received."""

    objects: list[MovedObject]
    after: Cursor
    size_bytes: int
    unmoved: list[UnmovedRow] = field(default_factory=list)


@dataclass(slots=True)
class Notes:
    """For people. ``mapped``: what has another form in the target; ``lost``: what does not arrive there."""

    mapped: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)


@dataclass(slots=True)
class MovedCollection:
    """``document``: the target's collection as Weaviate's JSON has it, complete, with its name there. ``tenants``: each
    with its status, None for a collection without tenants. ``has_times``: of creation and of the last change.
    ``models``: fingerprints of the models that made the vectors, by tenant ("" without tenants) and name of vector."""

    source_name: str
    document: JsonObject
    count: int
    tenants: dict[str, str] | None = None
    aliases: list[str] = field(default_factory=list)
    notes: Notes = field(default_factory=Notes)
    has_times: bool = True

    @property
    def name(self) -> str:
        """In the target."""
        return str(self.document["class"])

    @property
    def parts(self) -> list[str | None]:
        """Its tenants, in the order of their names; or None alone."""
        return [None] if self.tenants is None else [*sorted(self.tenants)]

    @property
    def references(self) -> list[str]:
        """The names of the properties that lead to other objects."""
        return [str(one["name"]) for one in properties_of(self.document) if is_reference(one)]


def properties_of(document: Mapping[str, JsonValue]) -> list[JsonObject]:
    found = document.get("properties")
    return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []


def data_types(property: Mapping[str, JsonValue]) -> list[str]:
    found = property.get("dataType")
    return [str(one) for one in found] if isinstance(found, list) else []


def is_reference(property: Mapping[str, JsonValue]) -> bool:
    return any(name[:1].isupper() for name in data_types(property))
