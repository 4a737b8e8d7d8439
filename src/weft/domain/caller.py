"""Who asks, and with which credentials for providers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Caller:
    """``user`` None is anonymous. ``headers`` are lower-cased request headers or gRPC metadata."""

    user: str | None = None
    groups: tuple[str, ...] = ()
    headers: Mapping[str, str] = field(default_factory=dict)
