"""Places: the threads of a wire, of which each request that is answered has one.

What waits for another server gives its place up meanwhile (``away``), so that requests whose provider does not answer
keep no others from being answered. How many may be away is limited, for all and for each holder. The place is a context
variable, so that rooms need not pass it on; work on threads that a request starts has none.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar, Token
from typing import Final, Protocol, TypeVar

from weft.domain.errors import Overloaded

T = TypeVar("T")

MOST_AWAY: Final = 256
"""Requests of one wire: threads that wait take memory."""


class RequestPlace(Protocol):
    """``holder``: the user, or for anonymous callers the address."""

    holder: str

    def leave(self) -> Callable[[], None]:
        """Another request may be answered in it; what this returns takes a place again, without waiting for one.

        Raises Overloaded where too many are away and this one may not wait in its place.
        """
        ...


_current: ContextVar[RequestPlace | None] = ContextVar("weft_place", default=None)


class placed:  # noqa: N801 — used as ``with placed(place)``; a generator would cost 1 µs more
    """The block answers a request in ``place``."""

    __slots__ = ("_place", "_token")

    def __init__(self, place: RequestPlace | None) -> None:
        self._place = place

    def __enter__(self) -> None:
        self._token: Token[RequestPlace | None] = _current.set(self._place)

    def __exit__(self, *_: object) -> None:
        _current.reset(self._token)


def hold_for(holder: str) -> None:
    """The place of this thread is for a request of ``holder``."""
    place = _current.get()
    if place is not None:
        place.holder = holder


def holder() -> str:
    """That of the request which this thread answers; empty for other work."""
    place = _current.get()
    return "" if place is None else place.holder


class Elsewhere:
    """No place, but work for ``holder``, also on other threads."""

    __slots__ = ("holder",)

    def __init__(self, holder: str) -> None:
        self.holder = holder

    def leave(self) -> Callable[[], None]:
        return _nothing


def _nothing() -> None:
    return


@contextmanager
def away() -> Iterator[None]:
    """The block waits for another server. Raises Overloaded where too many do already."""
    place = _current.get()
    if place is None:
        yield
        return
    with _left(place, place.leave()):
        yield


def waited(wait: Callable[[], T]) -> T:
    """What ``wait`` returns, which waits for a process or a model of this machine: away, unless too many are."""
    place = _current.get()
    if place is None:
        return wait()
    try:
        back = place.leave()
    except Overloaded:
        return wait()
    with _left(place, back):
        return wait()


@contextmanager
def _left(place: RequestPlace, back: Callable[[], None]) -> Iterator[None]:
    try:
        with placed(Elsewhere(place.holder)):
            yield
    finally:
        back()
