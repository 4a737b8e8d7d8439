"""JSON as Python holds it: what ``orjson`` reads, and what may be read of it once its type is checked.

``isinstance`` narrows a ``JsonValue`` to what it is; ``domain.json_fields`` reads the keys of a ``JsonObject``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias

JsonValue: TypeAlias = "bool | int | float | str | list[JsonValue] | Mapping[str, JsonValue] | None"
JsonObject: TypeAlias = Mapping[str, JsonValue]
