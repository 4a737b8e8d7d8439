"""SentColumns: the properties of a batch's objects by property, as a request has them, before a schema types them.

A wire makes them beside its ``IncomingObject``s where it can; all that they hold is in those, too. Each cell has a
kind: its object may lack the property.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

import numpy as np
import numpy.typing as npt

ABSENT: Final = 0
NULL: Final = 1
NUMBER: Final = 2
BOOLEAN: Final = 3
TEXT: Final = 4
TEXTS: Final = 5
"""An array of texts, which may be empty."""

Kinds: TypeAlias = npt.NDArray[np.uint8]
Places: TypeAlias = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class SentColumn:
    """One property of ``n`` objects."""

    kinds: Kinds
    """``(n,)``: of each cell."""
    values: list[Any]
    """``n`` of float, bool, str, list of str, None (null or absent)."""
    numbers: npt.NDArray[np.float64]
    """``(n,)``: what the numbers among the values are; any where a cell has another kind."""
    starts: Places
    """``(n,)``: where in the request the UTF-8 of a text begins, or the ``weaviate.v1.TextValues`` of several; any
    where a cell is neither."""
    sizes: Places
    """``(n,)``: its bytes."""


@dataclass(slots=True, eq=False)
class SentColumns:
    """``request``: the bytes that the texts are in. ``uuids``: 16 bytes for each object."""

    request: bytes
    uuids: list[bytes]
    by_name: dict[str, SentColumn]
    vector: str | None
    """The name of the only vector that each of the objects has; None where they have none."""
    typed: tuple[object, object] | None = field(default=None)
    """What the service has made of them, with the collection's configuration for which it did."""
