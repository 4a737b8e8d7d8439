"""The types of JSON values in Python, as ``orjson`` reads them.

``isinstance`` narrows a ``JsonValue`` to its type; ``domain.json_fields`` reads the keys of a ``JsonObject``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias

JsonValue: TypeAlias = "bool | int | float | str | list[JsonValue] | Mapping[str, JsonValue] | None"
JsonObject: TypeAlias = Mapping[str, JsonValue]
