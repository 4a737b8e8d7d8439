"""Observe: called for each answered request, for metrics."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

Observe: TypeAlias = Callable[[str, str, str, float], None]
"""``(wire, verb, status, seconds)``."""
