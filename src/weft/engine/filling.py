"""Filling as engines see it: how objects get a vector that they were stored without."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, NamedTuple, TypeAlias

from weft.domain.objects import Object, Vector

FILLED_AT_ONCE: Final = 64
"""Objects whose vectors are made together: few, so that searches need not wait long for the processors."""


class MadeVectors(NamedTuple):
    """``vectors``: one for each object, None where none was made; ``model``: the fingerprint of what made them,
    empty where callers did."""

    vectors: Sequence[Vector | None]
    model: str


Embed: TypeAlias = Callable[[Sequence[Object]], MadeVectors]
"""Called without any lock, with objects that have no vectors; it takes as long as it takes. What it raises ends the
run; what was made before is kept."""
