"""Staged: a change on its way to the store."""

from __future__ import annotations

from dataclasses import dataclass

from weft.engine.changes import Change


@dataclass(slots=True)
class Staged:
    """``record`` is an upsert's object, encoded by its caller's thread.

    ``expected``: the doc_id that was read; the change is refused if the stored object has another one (None: any).
    """

    change: Change
    record: bytes = b""
    expected: int | None = None
