"""UnreadObject: an object of a request that a wire could not decode, as far as it could be read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class UnreadObject:
    """Its values are as in JSON. ``uuid`` is any text; what the wire could not read at all is left out."""

    collection: str
    uuid: str | None = None
    tenant: str | None = None
    properties: Mapping[str, object] = field(default_factory=dict)
    vectors: Mapping[str, object] = field(default_factory=dict)
