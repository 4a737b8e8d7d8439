"""The index of one vector of a collection, single or multi, behind one interface."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
from pyroaring import BitMap

from weft.domain.objects import Vector
from weft.domain.schema import VectorIndexConfig
from weft.index.allow_list import AllowList


class Neighbours(Protocol):
    """Ascending by (distance, doc_id)."""

    @property
    def doc_ids(self) -> npt.NDArray[np.uint32]: ...
    @property
    def distances(self) -> npt.NDArray[np.float32]: ...


class VectorSearch(Protocol):
    """What ``index.vector`` and ``index.multivector`` both offer."""

    def extend(self) -> None: ...
    def search(
        self, query: Vector, k: int, allow: AllowList | None, *, max_distance: float | None = None
    ) -> Neighbours: ...
    def distances(self, query: Vector, doc_ids: npt.NDArray[np.uint32]) -> npt.NDArray[np.float32]: ...
    def get(self, doc_ids: Sequence[int]) -> list[Vector | None]: ...
    def maintain(self, live: BitMap) -> bool: ...
    def checkpoint(self) -> None: ...
    def close(self) -> None: ...
    def stats(self) -> Any: ...


def open_vector_index(source: Any, config: VectorIndexConfig, folder: Path) -> VectorSearch:
    """The index over the vector file ``source``; its snapshot lies in ``folder``."""
    if config.multivector is not None:
        from weft.index.multivector import MultiVectorIndex

        return MultiVectorIndex(source, config, folder)
    from weft.index.vector import VectorIndex

    return VectorIndex(source, config, folder)
