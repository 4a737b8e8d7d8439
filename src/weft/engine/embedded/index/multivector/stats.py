"""How large a multi-vector index is, part by part."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class MultiVectorStats:
    """Rows and bytes; ``*_bytes`` but ``original_bytes`` are the index's own, in memory or mapped from its files."""

    rows: int
    tokens: int
    dims: int | None
    encoded_rows: int
    centroids: int
    centroid_bytes: int
    code_bytes: int
    list_bytes: int
    muvera_bytes: int
    original_bytes: int

    @property
    def index_bytes(self) -> int:
        return self.centroid_bytes + self.code_bytes + self.list_bytes + self.muvera_bytes
