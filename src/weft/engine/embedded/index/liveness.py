"""Which objects upkeep must keep: it runs concurrently with the writer, so its live set may be older than an index."""

from __future__ import annotations

from pyroaring import BitMap


def possibly_live(live: BitMap, end: int) -> BitMap:
    """``live``, and all doc_ids above its greatest and below ``end``: they may have been added since it was taken.

    doc_ids grow with each commit, so one that is below the greatest live one and not live is dead.
    """
    first = int(live.max()) + 1 if live else 0
    if first >= end:
        return live
    kept = BitMap(live)
    kept.add_range(first, end)
    return kept
