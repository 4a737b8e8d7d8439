"""Loader: rows to the server in batches, two of them in flight while the next is read."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from types import TracebackType
from typing import Any

import orjson

from weft.cli.connection import Connection
from weft.cli.interrupts import deferred
from weft.cli.report import ImportReport
from weft.cli.rows import Row
from weft.domain.errors import Invalid, Overloaded, TooLarge

_MAX_OBJECTS = 200
_MAX_BYTES = 4_000_000
_MAX_IN_FLIGHT = 2
_MAX_TRIES = 6


@dataclass(slots=True)
class PreparedObject:
    """``sent`` is the object as JSON."""

    row: Row
    uuid: str
    sent: bytes


class Loader:
    """``send`` takes one object; leaving the ``with`` block sends the rest and waits for every answer.

    Refused objects go to ``report``; ``progress`` is called with the size of each answered batch. Objects with the
    same uuid are stored in order, so the last one wins. Raises what the connection raises; the report then has what was
    stored. Ctrl-C waits for the batches in flight.
    """

    def __init__(self, server: Connection, report: ImportReport, progress: Callable[[int], object]) -> None:
        self._server = server
        self._report = report
        self._progress = progress
        self._waiting: list[PreparedObject] = []
        self._waiting_bytes = 0
        self._in_flight: deque[tuple[list[PreparedObject], Future[list[str | None]]]] = deque()
        self._threads = ThreadPoolExecutor(_MAX_IN_FLIGHT, thread_name_prefix="weft-import")

    def send(self, prepared: PreparedObject) -> None:
        if self._waiting and self._waiting_bytes + len(prepared.sent) > _MAX_BYTES:
            self._start()
        self._waiting.append(prepared)
        self._waiting_bytes += len(prepared.sent)
        if len(self._waiting) == _MAX_OBJECTS:
            self._start()

    def _start(self) -> None:
        batch, self._waiting, self._waiting_bytes = self._waiting, [], 0
        uuids = {one.uuid for one in batch}
        while len(self._in_flight) == _MAX_IN_FLIGHT or self._sends(uuids):
            self._finish_one()
        with deferred():
            self._in_flight.append((batch, self._threads.submit(self._post, batch)))

    def _sends(self, uuids: set[str]) -> bool:
        """Whether a batch in flight has one of ``uuids``."""
        return any(one.uuid in uuids for batch, _ in self._in_flight for one in batch)

    def _finish_one(self) -> None:
        with deferred():
            batch, answer = self._in_flight[0]  # it stays in the queue while its answer is awaited, which may fail
            try:
                errors = answer.result()
            except (Invalid, TooLarge) as refusal:
                errors = [refusal.message for _ in batch]
            self._in_flight.popleft()
            self._note(batch, errors)

    def _note(self, batch: Sequence[PreparedObject], errors: Sequence[str | None]) -> None:
        for prepared, error in zip(batch, errors, strict=True):
            if error is None:
                self._report.stored += 1
            else:
                self._report.reject(prepared.row.where, prepared.row.fields, error)
        self._progress(sum(one.row.size_bytes for one in batch))

    def _post(self, batch: Sequence[PreparedObject]) -> list[str | None]:
        """The error of each object, None where it was stored."""
        body = orjson.Fragment(b'{"objects":[' + b",".join(one.sent for one in batch) + b"]}")
        for attempt in range(_MAX_TRIES):
            try:
                return [_error(one) for one in self._server.post("/v1/batch/objects", body)]
            except Overloaded:
                if attempt == _MAX_TRIES - 1:
                    raise
                time.sleep(0.2 * 2**attempt)
        raise AssertionError("unreachable: the last try returns or raises")

    def __enter__(self) -> Loader:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if error is None:
                if self._waiting:
                    self._start()
                while self._in_flight:
                    self._finish_one()
        finally:
            self._threads.shutdown(cancel_futures=True)
            for batch, answer in self._in_flight:
                if not answer.cancelled() and answer.exception() is None:
                    self._note(batch, answer.result())


def _error(answer: dict[str, Any]) -> str | None:
    result = answer["result"]
    if result["status"] == "SUCCESS":
        return None
    return "; ".join(one["message"] for one in result["errors"]["error"])
