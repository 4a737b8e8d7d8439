"""Meters: what the modules did for a piece of work, such as an import, counted where it happens.

A meter is a context variable, so that rooms need not pass it on. Threads that work for others take it along
(``current``, ``metered``). Where there is none, as in a search, nothing is counted.
"""

from __future__ import annotations

import threading
from contextvars import ContextVar, Token
from dataclasses import dataclass, field


@dataclass(slots=True)
class WorkMeter:
    """``calls``: requests to providers, without those that were tried again, the ``retries``. ``tokens``: as providers
    state them. ``truncated``: texts of which a model has read the beginning only. Safe for threads."""

    calls: int = 0
    retries: int = 0
    tokens: int = 0
    truncated: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False, compare=False)

    def add(self, *, calls: int = 0, retries: int = 0, tokens: int = 0, truncated: int = 0) -> None:
        with self._lock:
            self.calls += calls
            self.retries += retries
            self.tokens += tokens
            self.truncated += truncated


_meters: ContextVar[dict[str, WorkMeter] | None] = ContextVar("weft_meters", default=None)
_current: ContextVar[WorkMeter | None] = ContextVar("weft_meter", default=None)


class metered:  # noqa: N801 — used as ``with metered(meter)``
    """What the block does counts on ``meter``; None: on none."""

    __slots__ = ("_meter", "_token")

    def __init__(self, meter: WorkMeter | None) -> None:
        self._meter = meter

    def __enter__(self) -> None:
        self._token: Token[WorkMeter | None] = _current.set(self._meter)

    def __exit__(self, *_: object) -> None:
        _current.reset(self._token)


class metered_by_collection:  # noqa: N801 — used as ``with metered_by_collection() as meters``
    """Within the block ``metering`` fills the returned meters, by name of collection."""

    __slots__ = ("_token",)

    def __enter__(self) -> dict[str, WorkMeter]:
        meters: dict[str, WorkMeter] = {}
        self._token: Token[dict[str, WorkMeter] | None] = _meters.set(meters)
        return meters

    def __exit__(self, *_: object) -> None:
        _meters.reset(self._token)


def metering(collection: str) -> metered:
    """For a block that makes vectors for objects of ``collection``."""
    meters = _meters.get()
    return metered(None if meters is None else meters.setdefault(collection, WorkMeter()))


def current() -> WorkMeter | None:
    return _current.get()


def count(*, calls: int = 0, retries: int = 0, tokens: int = 0, truncated: int = 0) -> None:
    """On the current meter, if there is one."""
    meter = _current.get()
    if meter is not None:
        meter.add(calls=calls, retries=retries, tokens=tokens, truncated=truncated)
