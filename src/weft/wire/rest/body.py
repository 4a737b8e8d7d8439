"""Request bodies, received within bounds of time and memory.

Each 480 kB of a body must arrive within a time; who is slower is refused. The bodies that are held, from their first
byte until their request is answered, and the values in them, take so much memory together. A caller may take half of
what the others leave, so that there is always room for another one. What is as small as most requests always has room.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import anyio
from starlette.requests import ClientDisconnect, Request

from weft.domain.errors import CallerError, Overloaded, TooLarge
from weft.domain.shares import Shares

WINDOW_BYTES: Final = 480_000
SMALL_BYTES: Final = 1 << 16
_MOST_WHOLE: Final = 8
_LEAST_HELD_BYTES: Final = 3 << 29


class HeldBody:
    """What one request of ``holder`` holds."""

    __slots__ = ("holder", "size")

    def __init__(self, holder: str) -> None:
        self.holder = holder
        self.size = 0


class Reader:
    """Reads bodies of up to ``limit_bytes``; those that are held take up to eight times that together, or 1.6 GB.

    ``window_s``: the time for each ``WINDOW_BYTES``. Used by the event loop's thread alone.
    """

    def __init__(self, limit_bytes: int, *, window_s: float, least_held_bytes: int = _LEAST_HELD_BYTES) -> None:
        self._limit_bytes = limit_bytes
        self._window_s = window_s
        self._shares = Shares(max(_MOST_WHOLE * limit_bytes, least_held_bytes))
        """In bytes, small bodies aside."""

    @property
    def held_bytes(self) -> int:
        """Any thread may ask."""
        return self._shares.total

    @contextmanager
    def holding(self, holder: str) -> Iterator[HeldBody]:
        """The block answers a request of ``holder``, whose body it reads."""
        body = HeldBody(holder)
        try:
            yield body
        finally:
            self._shares.give_back(holder, _counted(body.size))

    async def read(self, request: Request, body: HeldBody) -> bytes:
        """The whole body.

        Raises TooLarge as soon as it is known to exceed the limit, CallerError when the rest does not come, Overloaded
        when too much is held already.
        """
        announced = request.headers.get("content-length", "0")
        if announced.isdecimal() and int(announced) > self._limit_bytes:
            raise _too_large(self._limit_bytes)
        chunks: list[bytes] = []
        received = in_window = 0
        try:
            with anyio.fail_after(self._window_s) as scope:
                async for chunk in request.stream():
                    received += len(chunk)
                    if received > self._limit_bytes:
                        raise _too_large(self._limit_bytes)
                    self.hold(body, len(chunk))
                    in_window += len(chunk)
                    if in_window >= WINDOW_BYTES:
                        in_window, scope.deadline = 0, anyio.current_time() + self._window_s
                    chunks.append(chunk)
        except ClientDisconnect:
            raise CallerError("the connection ended before the whole body had arrived") from None
        except TimeoutError:
            raise CallerError("the rest of the body did not arrive in time; send it faster") from None
        return b"".join(chunks)

    def hold(self, body: HeldBody, more: int) -> None:
        """``more`` bytes of memory for ``body``. Raises Overloaded."""
        size = body.size + more
        added = _counted(size) - _counted(body.size)
        if added and not self._shares.take(body.holder, added):
            raise Overloaded(
                f"{self._shares.held(body.holder)} bytes of requests of this caller are being received or answered, "
                "and there is no room for more; send this one later"
            )
        body.size = size


def _counted(size: int) -> int:
    return size if size > SMALL_BYTES else 0


def _too_large(limit_bytes: int) -> TooLarge:
    return TooLarge(f"the body is larger than {limit_bytes} bytes; send it in smaller parts", limit_bytes=limit_bytes)
