"""The uuid of a row, and the names of its properties."""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Any
from uuid import NAMESPACE_DNS, UUID, uuid5

from weft.domain.names import property_name

ID_NAMES = ("id", "_id")
"""Fields that are ids if nothing else is said: no property may have these names."""

_RENAMED = {"id": "source_id", "_id": "source_id", "_additional": "additional"}
_WRONG = re.compile(r"[^_0-9A-Za-z]+", re.ASCII)
_MOST_CHARS = 231


def is_uuid(value: object) -> bool:
    try:
        UUID(str(value))
    except ValueError:
        return False
    return True


def uuid_of(value: Any) -> str | None:
    """A uuid as it is; of other texts and numbers the one that the Python client's ``generate_uuid5`` makes; None for
    anything else."""
    if isinstance(value, bool) or not isinstance(value, str | int | float) or value == "":
        return None
    return str(UUID(value)) if isinstance(value, str) and is_uuid(value) else str(uuid5(NAMESPACE_DNS, str(value)))


def mended(name: str, others: Collection[str]) -> str:
    """``name`` as a property may be called; one that a property may have stays. ``others``: the names of the row."""
    fit = _RENAMED.get(name, property_name(_WRONG.sub("_", name))[:_MOST_CHARS]) or "_"
    if fit[0].isdigit():
        fit = f"_{fit}"[:_MOST_CHARS]
    while fit != name and fit in others:
        fit += "_2"
    return fit
