"""Consistency levels: how many replicas of an engine elsewhere a request asks to agree.

A wire opens one with ``consistent``; the client of an engine that has replicas reads it with ``level``. It is a context
variable, as the deadline is, so the rooms between need not pass it on. The embedded engine has one replica, for which
all levels are the same. Without a level, what the engine's address says holds.
"""

from __future__ import annotations

from contextvars import ContextVar, Token
from enum import StrEnum

from weft.domain.errors import CallerError


class ConsistencyLevel(StrEnum):
    ONE = "ONE"
    QUORUM = "QUORUM"
    ALL = "ALL"

    @classmethod
    def of(cls, text: str) -> ConsistencyLevel:
        """Raises CallerError."""
        if text not in cls.__members__:
            raise CallerError(f"unrecognized consistency level {text[:40]!r}; one of ONE, QUORUM, ALL expected")
        return cls(text)


_current: ContextVar[ConsistencyLevel | None] = ContextVar("weft_consistency", default=None)


class consistent:  # noqa: N801 — used as ``with consistent(level)``, as ``deadline.within``
    """The block answers a request that asks for ``level``; None: for none."""

    __slots__ = ("_level", "_token")

    def __init__(self, level: ConsistencyLevel | None) -> None:
        self._level = level

    def __enter__(self) -> None:
        self._token: Token[ConsistencyLevel | None] = _current.set(self._level)

    def __exit__(self, *_: object) -> None:
        _current.reset(self._token)


def level() -> ConsistencyLevel | None:
    """What the request asks for that this thread works on."""
    return _current.get()
