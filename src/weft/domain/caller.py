"""Who asks, and with which credentials for providers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Caller:
    """``user`` None is anonymous. ``headers`` are lower-cased request headers or gRPC metadata.

    ``user_type``: ``db`` for the users of this server, ``oidc`` for those of an identity provider.
    """

    user: str | None = None
    groups: tuple[str, ...] = ()
    headers: Mapping[str, str] = field(default_factory=dict)
    user_type: str = "db"
