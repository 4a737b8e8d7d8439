"""Held: what an index has in memory, or mapped, to be measured."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Held:
    """Arrays, bitmaps and allow-lists; ``index``: bytes of what is none of these, estimated."""

    arrays: Sequence[Any] = ()
    cached: Sequence[Any] = ()
    """What is kept of answers, and could be made again."""
    index: int = 0
