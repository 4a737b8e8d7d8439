"""Staged: a change on its way to the store."""

from __future__ import annotations

from dataclasses import dataclass

from weft.engine.changes import Change


@dataclass(slots=True)
class Staged:
    """``record`` is an upsert's object, encoded by its caller's thread.

    ``expected``: refuse when the stored object has another doc_id than this, the one that was read (None: any).
    """

    change: Change
    record: bytes = b""
    expected: int | None = None
