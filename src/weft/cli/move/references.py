"""References: beacons, ``weaviate://localhost/Class/uuid``, as they are moved."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from weft.domain.json_values import JsonValue

_ROOT: Final = "weaviate://localhost/"


def led_to(references: JsonValue, names: Mapping[str, str]) -> JsonValue:
    """``references`` of a property, as they are sent: beacons alone, with the collections' names in the target."""
    if not isinstance(references, list):
        return references
    return [{"beacon": _beacon(one["beacon"], names)} for one in references if isinstance(one, dict)]


def _beacon(beacon: JsonValue, names: Mapping[str, str]) -> str:
    text = str(beacon)
    path = text.partition("://")[2].partition("/")[2]
    name, separator, uuid = path.rpartition("/")
    if not separator:
        return f"{_ROOT}{uuid.lower()}"
    return f"{_ROOT}{names.get(name, name)}/{uuid.lower()}"
