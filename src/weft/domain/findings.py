"""Findings: what a check of a data folder has found, in words."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(slots=True)
class Finding:
    """One fault. ``lost``: what of the stored data cannot be read any more; empty: nothing is.

    ``mend`` repairs it, and loses nothing; None where that is not possible. ``way_out`` says what happens by itself, or
    what to do.
    """

    where: str
    what: str
    lost: str = ""
    way_out: str = ""
    mend: Callable[[], None] | None = None
    mended: bool = False
