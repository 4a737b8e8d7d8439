"""What a search returns and what an index says about itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt


class Neighbours(NamedTuple):
    """Ascending by (distance, doc_id)."""

    doc_ids: npt.NDArray[np.uint32]
    """``(n,)``."""
    distances: npt.NDArray[np.float32]
    """``(n,)``, exact: computed from the stored float32."""


NO_NEIGHBOURS = Neighbours(np.zeros(0, np.uint32), np.zeros(0, np.float32))


@dataclass(frozen=True, slots=True)
class IndexStats:
    """``rows`` are searchable; ``indexed_rows`` of them are in the frozen part, the ``queue`` others are scanned."""

    kind: str
    rows: int
    indexed_rows: int
    resident_bytes: int
    """Bytes of the index in memory, mapped ones included; the vector file itself is not counted."""
    disk_bytes: int
    """Bytes of the snapshot."""
    queue: int
