"""A block: objects that are chosen together and put into what is growing a few at a time.

FAISS puts in first what reaches the higher levels of a graph, among the vectors that it gets at once, and so the fewer
it gets the worse they are linked. The levels of a block are therefore drawn when it is chosen, and it is in their
order: then it makes no difference how many are put in at once, and that can be as few as a stop may wait for.
"""

from __future__ import annotations

import numpy as np

from weft.engine.embedded.index.arrays import I32
from weft.engine.results import DocIds

_STEP_S = 0.2
"""A step that took longer is followed by a smaller one: a build at low priority gets little of a busy machine."""

_FIRST_ROWS, _FEWEST_ROWS, _MOST_ROWS = 512, 32, 20_000
_FASTEST = 2.0
"""A step has at most so many times as many rows as the one before."""


class StepSize:
    """How many rows are put in at once, so that it takes about ``_STEP_S``, wall time."""

    def __init__(self) -> None:
        self.rows = _FIRST_ROWS

    def took(self, seconds: float) -> None:
        """The last step of ``rows`` rows."""
        fitting = self.rows * min(_FASTEST, _STEP_S / max(seconds, 1e-6))
        self.rows = int(min(max(fitting, _FEWEST_ROWS), _MOST_ROWS))


class Block:
    """``until``: when all of it has been put in, every object below this doc_id has a label, or is dead."""

    def __init__(self, doc_ids: DocIds, levels: I32 | None, until: int) -> None:
        """``levels (n,)``: those of ``doc_ids (n,)`` in a graph; None where nothing has levels."""
        self.until = until
        order = slice(None) if levels is None else np.argsort(-levels, kind="stable")
        self._doc_ids = doc_ids[order]
        self._levels = None if levels is None else levels[order]
        self._at = 0

    @property
    def is_done(self) -> bool:
        return self._at >= len(self._doc_ids)

    def next(self, most: int) -> tuple[DocIds, I32 | None]:
        """Up to ``most`` of those that are left, and their levels."""
        part = slice(self._at, self._at + most)
        self._at += most
        return self._doc_ids[part], None if self._levels is None else self._levels[part]
