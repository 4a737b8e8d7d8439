"""Loader: rows to the server in batches, two of them on their way while the next is read."""

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
from weft.cli.interrupts import held
from weft.cli.report import Report
from weft.cli.rows import Row
from weft.domain.errors import Invalid, Overloaded, TooLarge

_MOST_OBJECTS = 200
_MOST_BYTES = 4_000_000
_IN_FLIGHT = 2
_TRIES = 6


@dataclass(slots=True)
class Shipment:
    """``sent`` is the object as JSON."""

    row: Row
    uuid: str
    sent: bytes


class Loader:
    """``send`` takes one; leaving the ``with`` block sends what is left and waits for every answer.

    What the server refuses goes to ``report``; ``progress`` is told the bytes of the rows that were answered. Objects
    with one uuid are stored in their order, so the last one stays. Raises what the connection raises; what was stored
    by then is in the report. Ctrl-C waits for the batches that are on their way.
    """

    def __init__(self, server: Connection, report: Report, progress: Callable[[int], object]) -> None:
        self._server = server
        self._report = report
        self._progress = progress
        self._waiting: list[Shipment] = []
        self._waiting_bytes = 0
        self._flying: deque[tuple[list[Shipment], Future[list[str | None]]]] = deque()
        self._threads = ThreadPoolExecutor(_IN_FLIGHT, thread_name_prefix="weft-import")

    def send(self, shipment: Shipment) -> None:
        if self._waiting and self._waiting_bytes + len(shipment.sent) > _MOST_BYTES:
            self._launch()
        self._waiting.append(shipment)
        self._waiting_bytes += len(shipment.sent)
        if len(self._waiting) == _MOST_OBJECTS:
            self._launch()

    def _launch(self) -> None:
        batch, self._waiting, self._waiting_bytes = self._waiting, [], 0
        uuids = {one.uuid for one in batch}
        while len(self._flying) == _IN_FLIGHT or any(one.uuid in uuids for sent, _ in self._flying for one in sent):
            self._land()
        with held():
            self._flying.append((batch, self._threads.submit(self._post, batch)))

    def _land(self) -> None:
        with held():
            batch, answer = self._flying[0]  # and there it stays while it is waited for, which may fail
            try:
                errors = answer.result()
            except (Invalid, TooLarge) as refusal:
                errors = [refusal.message for _ in batch]
            self._flying.popleft()
            self._note(batch, errors)

    def _note(self, batch: Sequence[Shipment], errors: Sequence[str | None]) -> None:
        for shipment, error in zip(batch, errors, strict=True):
            if error is None:
                self._report.stored += 1
            else:
                self._report.reject(shipment.row.where, shipment.row.fields, error)
        self._progress(sum(one.row.size_bytes for one in batch))

    def _post(self, batch: Sequence[Shipment]) -> list[str | None]:
        """The error of each object, None where it was stored."""
        body = orjson.Fragment(b'{"objects":[' + b",".join(one.sent for one in batch) + b"]}")
        for attempt in range(_TRIES):
            try:
                return [_error(one) for one in self._server.post("/v1/batch/objects", body)]
            except Overloaded:
                if attempt == _TRIES - 1:
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
                    self._launch()
                while self._flying:
                    self._land()
        finally:
            self._threads.shutdown(cancel_futures=True)
            for batch, answer in self._flying:
                if not answer.cancelled() and answer.exception() is None:
                    self._note(batch, answer.result())


def _error(answer: dict[str, Any]) -> str | None:
    result = answer["result"]
    if result["status"] == "SUCCESS":
        return None
    return "; ".join(one["message"] for one in result["errors"]["error"])
