"""What ends the work for a request: the time that a query may take, and its client's going away."""

from __future__ import annotations

import time

import anyio.from_thread
from starlette.requests import Request

from weft.domain.deadline import Deadline, within

_LONG_S = 0.05
"""Where a request has waited longer for a thread, its client may have gone."""


def bounded(query_timeout_s: float, request: Request, waiting_since: float, *, reads: bool) -> within:
    """The block answers ``request``, which has waited for this thread since ``waiting_since`` by ``time.monotonic``.

    One that ``reads`` ends where its time is over, 0: never, or its client is gone. Others are finished. Raises
    CallerGone where the client has gone already.
    """
    deadline = Deadline(query_timeout_s if reads else 0.0, _RestClient(request))
    if time.monotonic() - waiting_since > _LONG_S:
        deadline.look()
    return within(deadline if reads else None)


class _RestClient:
    """A ``WaitingClient``. On a worker thread, which has the event loop look."""

    __slots__ = ("_request",)

    def __init__(self, request: Request) -> None:
        self._request = request

    def remaining_s(self) -> float | None:
        return None

    def is_gone(self) -> bool:
        return anyio.from_thread.run(self._request.is_disconnected)
