"""The changes of a store (Put, Delete) and their results (Applied)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from weft.domain.objects import Vector


@dataclass(frozen=True, slots=True)
class VectorLayout:
    """``multi``: an object has ``(T, d)`` token vectors, not one ``(d,)``. The first vector stored fixes ``d``."""

    multi: bool = False


@dataclass(slots=True)
class Put:
    """Store ``record`` under ``uuid``, replacing an earlier one. ``models``: what made the vectors, by their names."""

    uuid: bytes
    record: bytes
    vectors: Mapping[str, Vector] = field(default_factory=dict)
    models: Mapping[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class Delete:
    """Remove the object ``uuid``; does nothing when there is none."""

    uuid: bytes


StoreChange: TypeAlias = Put | Delete


@dataclass(slots=True)
class Applied:
    """``doc_id``: of the new object; ``replaced``: of the object that this change removed; None if there is none."""

    doc_id: int | None
    replaced: int | None
