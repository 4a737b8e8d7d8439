"""What a change makes of the references of an object."""

from __future__ import annotations

from collections.abc import Sequence

from weft.domain.clock import now_ms
from weft.domain.objects import Object, Properties, Reference
from weft.domain.schema import Property


def edited(obj: Object, changed: Properties) -> Object:
    """``obj`` itself, with other references in the properties that ``changed`` names."""
    obj.properties.update(changed)
    obj.updated_ms = now_ms()
    return obj


def joined(property: Property, present: Sequence[Reference], added: Sequence[Reference]) -> list[Reference]:
    """The references of a property after ``added`` were added to those that are ``present``."""
    found = [*present, *added]
    return list(dict.fromkeys(found)) if property.distinct_references else found


def is_same(one: Reference, other: Reference) -> bool:
    """Whether they lead to the same object, as far as both name its collection."""
    return one.uuid == other.uuid and one.collection in ("", other.collection or one.collection)
