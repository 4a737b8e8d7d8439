"""Selection: a set of objects of one view, chosen by a filter; how it is kept is the engine's own business."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol, TypeAlias

import numpy as np
import numpy.typing as npt

from weft.domain.filters import Filter
from weft.engine.results import DocIds


class Selection(Protocol):
    """Immutable. Each question may cost a remote engine a request, so none is asked without need."""

    def __len__(self) -> int:
        """How many objects there are; exact."""
        ...

    def first(self, limit: int | None = None) -> DocIds:
        """``(n,)``: the first ``limit`` in the engine's own order (``Capabilities`` has it), None: all.

        Raises Invalid where an engine cannot name so many.
        """
        ...

    def holds(self, doc_ids: DocIds) -> npt.NDArray[np.bool_]:
        """``(n,)``: whether each of ``doc_ids (n,)`` belongs to it."""
        ...


class Referenced(NamedTuple):
    """Objects of another collection."""

    collection: str
    uuids: Sequence[bytes]


Resolve: TypeAlias = Callable[[str, Filter, str], Referenced]
"""``(property, inner filter, collection)`` → the objects of ``collection``, to which the reference ``property`` may
point, that the inner filter selects. Raises Invalid for what the property cannot point to, and NotFound."""
