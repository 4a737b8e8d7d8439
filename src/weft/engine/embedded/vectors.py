"""The index of one vector of a collection, single or multi, behind one interface."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
from pyroaring import BitMap

from weft.domain.objects import Vector
from weft.domain.schema import VectorIndexConfig
from weft.engine.embedded.index.allow_list import AllowList
from weft.engine.embedded.index.vector.neighbours import IndexStats
from weft.engine.results import Neighbours


class VectorSearch(Protocol):
    """What ``index.vector`` and ``index.multivector`` both offer."""

    def extend(self) -> None: ...
    def search(
        self, query: Vector, k: int, allow: AllowList | None, *, max_distance: float | None = None
    ) -> Neighbours: ...
    def distances(self, query: Vector, doc_ids: npt.NDArray[np.uint32]) -> npt.NDArray[np.float32]: ...
    def maintain(self, live: BitMap) -> bool: ...
    def checkpoint(self) -> None: ...
    def close(self) -> None: ...
    def stats(self) -> Any: ...


@dataclass(frozen=True, slots=True)
class IndexSize:
    """``waiting`` rows are searched exactly until the index takes them in; ``components`` are bytes by name."""

    waiting: int
    components: dict[str, int]


def size_of(index: VectorSearch) -> IndexSize:
    """What the index holds beside the vectors themselves."""
    stats = index.stats()
    if isinstance(stats, IndexStats):
        return IndexSize(stats.queue, {"codes": stats.resident_bytes})
    parts = {
        "centroids": stats.centroid_bytes,
        "codes": stats.code_bytes,
        "lists": stats.list_bytes,
        "muvera": stats.muvera_bytes,
    }
    waiting = stats.rows - stats.encoded_rows if stats.encoded_rows else 0
    return IndexSize(waiting, {name: size for name, size in parts.items() if size})


def open_vector_index(source: Any, config: VectorIndexConfig, folder: Path) -> VectorSearch:
    """The index over the vector file ``source``; its snapshot lies in ``folder``."""
    if config.multivector is not None:
        from weft.engine.embedded.index.multivector import MultiVectorIndex

        multi: VectorSearch = MultiVectorIndex(source, config, folder)
        return multi
    from weft.engine.embedded.index.vector import VectorIndex

    return VectorIndex(source, config, folder)
