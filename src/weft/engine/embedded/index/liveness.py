"""Which objects upkeep must keep: it runs beside the writer, so its set of live ones may be older than an index."""

from __future__ import annotations

from pyroaring import BitMap


def possibly_live(live: BitMap, end: int) -> BitMap:
    """``live``, and all doc_ids behind its greatest that are below ``end``: those may have come since it was taken.

    doc_ids grow with each commit, so one below the greatest live one that is not live is dead for good.
    """
    first = int(live.max()) + 1 if live else 0
    if first >= end:
        return live
    kept = BitMap(live)
    kept.add_range(first, end)
    return kept
