"""What an index says about itself."""

from __future__ import annotations

from dataclasses import dataclass


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
