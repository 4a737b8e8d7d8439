"""Objects of a part by uuid: whether they are there, whether searches see them, and what they are."""

from __future__ import annotations

from weft.domain.filters import ID, Condition, Operator, PropertyTarget
from weft.domain.objects import Object, format_uuid
from weft.engine.part import Part
from weft.engine.view import find_objects


def is_stored(part: Part, uuid: bytes) -> bool:
    return part.view(expired=True).find([uuid])[0] is not None


def is_visible(part: Part, uuid: bytes) -> bool:
    """Whether searches can find the object: it is stored, and not expired where that hides it."""
    expiry = part.config.expiry
    if expiry is None or not expiry.hidden:
        return is_stored(part, uuid)
    return len(part.view().select(Condition(Operator.EQUAL, PropertyTarget(ID), format_uuid(uuid)))) > 0


def stored_object(part: Part, uuid: bytes, *, vectors: bool) -> Object | None:
    found = find_objects(part.view(expired=True), [uuid], vectors=vectors)[0]
    return None if found is None else found[1]
