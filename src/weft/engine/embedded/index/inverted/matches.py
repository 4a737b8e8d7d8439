"""Matches: what a keyword search found."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt


class Matches(NamedTuple):
    """Descending by score, then ascending by doc_id."""

    doc_ids: npt.NDArray[np.uint32]
    """``(n,)``"""
    scores: npt.NDArray[np.float32]
    """``(n,)``, larger is better"""
