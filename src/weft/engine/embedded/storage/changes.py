"""What a store is asked to change (Put, Delete) and what came of it (Applied)."""

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
    """Store ``record`` under ``uuid`` in place of what is there. ``models`` says what made vectors, by their names."""

    uuid: bytes
    record: bytes
    vectors: Mapping[str, Vector] = field(default_factory=dict)
    models: Mapping[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class Delete:
    """Remove what ``uuid`` names; nothing happens when there is none."""

    uuid: bytes


StoreChange: TypeAlias = Put | Delete


@dataclass(slots=True)
class Applied:
    """``doc_id`` is the new object's, ``replaced`` the one that died by this change; None where there is none."""

    doc_id: int | None
    replaced: int | None
