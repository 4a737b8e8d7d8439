"""Request bodies, received within bounds of size and time.

A body must arrive within a minute, plus a second for each kilobyte received; a slower caller is refused. The total
memory of bodies that are being received is limited.
"""

from __future__ import annotations

import anyio
from starlette.requests import ClientDisconnect, Request

from weft.domain.errors import CallerError, Overloaded, TooLarge

_FIRST_S, _BYTES_PER_S = 60.0, 1024
_MOST_WHOLE = 8


class Reader:
    """Reads bodies of up to ``limit_bytes``; those that are being received hold up to eight times that together.

    Used by the event loop's thread alone.
    """

    def __init__(self, limit_bytes: int, *, first_s: float = _FIRST_S) -> None:
        self._limit_bytes = limit_bytes
        self._first_s = first_s
        self._held_bytes = 0

    async def read(self, request: Request) -> bytes:
        """The whole body.

        Raises TooLarge as soon as it is known to exceed the limit, CallerError when the rest does not come, Overloaded
        when too much is being received already.
        """
        announced = request.headers.get("content-length", "0")
        if announced.isdecimal() and int(announced) > self._limit_bytes:
            raise _too_large(self._limit_bytes)
        chunks: list[bytes] = []
        size = 0
        try:
            with anyio.fail_after(self._first_s) as scope:
                async for chunk in request.stream():
                    size += len(chunk)
                    self._held_bytes += len(chunk)
                    self._check(size)
                    scope.deadline += len(chunk) / _BYTES_PER_S
                    chunks.append(chunk)
        except ClientDisconnect:
            raise CallerError("the connection ended before the whole body had arrived") from None
        except TimeoutError:
            raise CallerError("the rest of the body did not arrive in time; send it faster") from None
        finally:
            self._held_bytes -= size
        return b"".join(chunks)

    def _check(self, size: int) -> None:
        if size > self._limit_bytes:
            raise _too_large(self._limit_bytes)
        if self._held_bytes > _MOST_WHOLE * self._limit_bytes:
            raise Overloaded(f"{self._held_bytes} bytes of bodies are being received already; send this later")


def _too_large(limit_bytes: int) -> TooLarge:
    return TooLarge(f"the body is larger than {limit_bytes} bytes; send it in smaller parts", limit_bytes=limit_bytes)
