"""What both forms of an export have in common."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from weft.cli.move.objects import UNNAMED, MovedObject
from weft.domain.json_values import JsonValue


class ExportWriter(Protocol):
    def write(self, tenant: str | None, objects: Sequence[MovedObject], models: Mapping[str, str]) -> None:
        """``models``: the fingerprints of those that made the vectors, by name of vector."""

    def finish(self) -> None: ...


def written_vectors(one: MovedObject) -> dict[str, JsonValue]:
    """The vectors by name: an unnamed one is called ``default``, as in the exports of a server."""
    return {"default" if name == UNNAMED else name: vector for name, vector in one.vectors.items()}
