"""SumsPool: arrays in which the scores of the documents of one window are added up.

They are lent out, because half a megabyte of new memory costs more than a search: the system hands it out page by page.
There are as many as there were searches at the same time.
"""

from __future__ import annotations

import math

import numpy as np

from weft.engine.embedded.index.arrays import F64

WINDOW = 65_536
"""How many doc_ids a window has."""
NOTHING = -math.inf
"""The sum of a document that no list has brought."""


class SumsPool:
    """Any thread may take one and give it back; one that a search did not leave as it was is not given back."""

    def __init__(self) -> None:
        self._free: list[F64] = []

    def take(self) -> F64:
        """``(WINDOW,)``, all ``NOTHING``."""
        try:
            return self._free.pop()
        except IndexError:
            return np.full(WINDOW, NOTHING)

    def give(self, sums: F64) -> None:
        """``sums`` are all ``NOTHING`` again."""
        self._free.append(sums)
