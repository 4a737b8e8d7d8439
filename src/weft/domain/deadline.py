"""Deadlines: until when a request is worked on, and whether its caller still waits.

A wire opens one with ``within``. What takes long calls ``check`` between its steps, in any room: the deadline is a
context variable, so rooms need not pass it on. Work on threads that a request starts is outside of it.

What must not be left half-done runs in a block of ``unbounded``: writes are refused before they start, or finished.
``python bench/observing.py`` measures what opening one and a check cost.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from contextvars import ContextVar, Token
from typing import Final, Protocol, TypeVar

from weft.domain.errors import CallerGone, DeadlinePassed

T = TypeVar("T")

_LOOK_EVERY_S: Final = 0.05
"""How often to ask whether the client is gone: that costs a wire more than reading the clock."""


class WaitingClient(Protocol):
    """The client of one call, as the wire that carries it knows it. Used on the thread that answers."""

    def remaining_s(self) -> float | None:
        """How long it waits from now on; None: without end."""
        ...

    def is_gone(self) -> bool: ...


class Deadline:
    """``seconds``: how long the work may take from now on; 0: without end. ``client``: for which it is done."""

    __slots__ = ("_client", "_look_at", "_patience_s", "_seconds", "_started")

    def __init__(self, seconds: float, client: WaitingClient | None) -> None:
        self._seconds = seconds
        self._client = client
        self._patience_s = patience_s = None if client is None else client.remaining_s()
        self._started = started = time.monotonic()
        soon = seconds if 0 < seconds < _LOOK_EVERY_S else _LOOK_EVERY_S
        self._look_at = started + (soon if patience_s is None or soon < patience_s else patience_s)

    def check(self) -> None:
        """Raises DeadlinePassed or CallerGone. The client is asked about every 50 ms."""
        if time.monotonic() >= self._look_at:
            self.look()

    def look(self) -> None:
        """As ``check``, and the client is asked."""
        elapsed = time.monotonic() - self._started
        if 0 < self._seconds <= elapsed:
            raise DeadlinePassed(
                f"the query took longer than {self._seconds:g} s, the longest that this server allows (QUERY_TIMEOUT), "
                "and was ended; ask for less, or have the limit raised",
                timeout_s=self._seconds,
            )
        if self._patience_s is not None and self._patience_s <= elapsed:
            raise DeadlinePassed(
                "the deadline of the call passed before it was answered, and its work was ended; ask for less, or "
                "allow more time in the client",
                timeout_s=self._patience_s,
            )
        if self._client is not None and self._client.is_gone():
            raise CallerGone("the client went away before the answer was there, and the work for it was ended")
        ends = [end for end in (self._seconds, self._patience_s) if end]
        self._look_at = self._started + min([elapsed + _LOOK_EVERY_S, *ends])

    def remaining_s(self) -> float | None:
        """How long the work may still take; None: without end."""
        ends = [end for end in (self._seconds or None, self._patience_s) if end is not None]
        return max(0.0, min(ends) - (time.monotonic() - self._started)) if ends else None


_current: ContextVar[Deadline | None] = ContextVar("weft_deadline", default=None)
_client: ContextVar[WaitingClient | None] = ContextVar("weft_client", default=None)


class within:  # noqa: N801 — used as ``with within(deadline)``; a generator would cost 1 µs more
    """The block is bounded by ``deadline``; None: it is not bounded, whatever is around it."""

    __slots__ = ("_deadline", "_token")

    def __init__(self, deadline: Deadline | None) -> None:
        self._deadline = deadline

    def __enter__(self) -> None:
        self._token: Token[Deadline | None] = _current.set(self._deadline)

    def __exit__(self, *_: object) -> None:
        _current.reset(self._token)


class calling:  # noqa: N801 — as ``within``
    """The block answers a call of ``client``, which ``client_of_call`` returns."""

    __slots__ = ("_client", "_token")

    def __init__(self, client: WaitingClient) -> None:
        self._client = client

    def __enter__(self) -> None:
        self._token: Token[WaitingClient | None] = _client.set(self._client)

    def __exit__(self, *_: object) -> None:
        _client.reset(self._token)


def client_of_call() -> WaitingClient | None:
    """None where the wire knows nothing of its client."""
    return _client.get()


def unbounded() -> within:
    """The block is finished, whatever deadline is around it. Raises DeadlinePassed or CallerGone before it begins."""
    check()
    return within(None)


def check() -> None:
    """Raises DeadlinePassed or CallerGone where the work that this thread does for a request should end."""
    deadline = _current.get()
    if deadline is not None:
        deadline.check()


def checked(items: Iterable[T], every: int = 1) -> Iterator[T]:
    """``items``, with a check before the first and after each ``every``."""
    deadline = _current.get()
    if deadline is None:
        yield from items
        return
    for number, item in enumerate(items):
        if number % every == 0:
            deadline.check()
        yield item


def remaining_s() -> float | None:
    """How long the work for this request may still take; None: without end."""
    deadline = _current.get()
    return None if deadline is None else deadline.remaining_s()
