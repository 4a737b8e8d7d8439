"""Selection: the objects of one view that a filter selects, in a form that the engine chooses."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol, TypeAlias

import numpy as np
import numpy.typing as npt

from weft.domain.filters import Filter
from weft.engine.results import DocIds


class Selection(Protocol):
    """Immutable. Each call may cost a remote engine a request, so callers avoid unnecessary ones."""

    def __len__(self) -> int:
        """The exact number of objects."""
        ...

    def first(self, limit: int | None = None) -> DocIds:
        """``(n,)``: the first ``limit`` in the engine's own order (``Capabilities`` has it), None: all.

        Raises Invalid if an engine cannot return that many.
        """
        ...

    def holds(self, doc_ids: DocIds) -> npt.NDArray[np.bool_]:
        """``(n,)``: whether each of ``doc_ids (n,)`` is in it."""
        ...


class Referenced(NamedTuple):
    """Objects of another collection."""

    collection: str
    uuids: Sequence[bytes]


Resolve: TypeAlias = Callable[[str, Filter, str], Referenced]
"""``(property, inner filter, collection)`` → the objects that the inner filter selects in ``collection``, which must be
a target of the reference ``property``. Raises Invalid for a collection that is not one, and NotFound."""
