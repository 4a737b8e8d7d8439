"""Loader: objects to the server in batches, two of them in flight while the next is read."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import Any, NamedTuple

import orjson

from weft.cli.connection import Connection
from weft.cli.imports.objects import PreparedObject
from weft.cli.imports.report import ImportReport
from weft.cli.interrupts import deferred
from weft.domain.errors import Invalid, Overloaded, TooLarge

_MAX_OBJECTS = 200
_MAX_BYTES = 4_000_000
_MAX_IN_FLIGHT = 2
_MAX_TRIES = 6


class _Result(NamedTuple):
    """``error``: why an object was refused. ``replaced``: whether it took the place of another one."""

    error: str
    replaced: bool = False


class Loader:
    """``send`` takes one object; leaving the ``with`` block sends the rest and waits for every answer.

    Refused objects, and those that cannot be sent, go to ``report`` in their order. ``settled`` is called with each
    answered batch and how many of it were stored, in order, and not after a batch that has no answer. Objects with the
    same uuid are stored in order, so the last one wins; those of a batch have vectors of the same models. Raises what
    the connection raises; the report then has what was stored. Ctrl-C waits for the batches in flight.
    """

    def __init__(
        self, server: Connection, report: ImportReport, settled: Callable[[Sequence[PreparedObject], int], object]
    ) -> None:
        self._server = server
        self._report = report
        self._settled = settled
        self._waiting: list[PreparedObject] = []
        self._waiting_bytes = 0
        self._models: Mapping[str, str] | None = None
        self._in_flight: deque[tuple[list[PreparedObject], Future[list[_Result]]]] = deque()
        self._threads = ThreadPoolExecutor(_MAX_IN_FLIGHT, thread_name_prefix="weft-import")

    def send(self, prepared: PreparedObject) -> None:
        other = bool(prepared.sent) and prepared.models != self._models
        if self._waiting and (other or self._waiting_bytes + len(prepared.sent) > _MAX_BYTES):
            self._start()
        if prepared.sent:
            self._models = prepared.models
        self._waiting.append(prepared)
        self._waiting_bytes += len(prepared.sent)
        if len(self._waiting) == _MAX_OBJECTS:
            self._start()

    def settle(self) -> None:
        """Sends the rest and waits for every answer."""
        if self._waiting:
            self._start()
        while self._in_flight:
            self._finish_one()

    def _start(self) -> None:
        batch, self._waiting, self._waiting_bytes = self._waiting, [], 0
        uuids = {one.uuid for one in batch if one.sent}
        while len(self._in_flight) == _MAX_IN_FLIGHT or self._sends(uuids):
            self._finish_one()
        with deferred():
            self._in_flight.append((batch, self._threads.submit(self._post, batch, self._models)))

    def _sends(self, uuids: set[str]) -> bool:
        """Whether a batch in flight has one of ``uuids``."""
        return any(one.uuid in uuids for batch, _ in self._in_flight for one in batch)

    def _finish_one(self) -> None:
        with deferred():
            batch, answer = self._in_flight[0]  # it stays in the queue while its answer is awaited, which may fail
            try:
                results = answer.result()
            except (Invalid, TooLarge) as refusal:
                results = [_Result(refusal.message) for one in batch if one.sent]
            self._in_flight.popleft()
            self._settled(batch, self._note(batch, results))

    def _note(self, batch: Sequence[PreparedObject], results: Sequence[_Result]) -> int:
        """``results``: those of the objects that were sent. Returns how many of them are stored."""
        answered = iter(results)
        stored: set[str] = set()
        for prepared in batch:
            row = prepared.row
            if not prepared.sent:
                self._report.reject(row.where, row.fields, row.error)
                continue
            result = next(answered)
            if prepared.links:
                if "cref" in result.error:  # for any other reason it was rejected before
                    self._report.reject_stored(row.where, row.fields, result.error)
            elif result.error:
                self._report.reject(row.where, row.fields, result.error)
            else:
                self._report.store(prepared.uuid, replaced=result.replaced or prepared.uuid in stored)
                stored.add(prepared.uuid)
        return len(stored)

    def _post(self, batch: Sequence[PreparedObject], models: Mapping[str, str] | None) -> list[_Result]:
        sent = [one.sent for one in batch if one.sent]
        if not sent:
            return []
        stated = b',"weftModels":' + orjson.dumps(dict(models)) if models else b""
        body = orjson.Fragment(b'{"objects":[' + b",".join(sent) + b"]" + stated + b"}")
        for attempt in range(_MAX_TRIES):
            try:
                return [_result(one) for one in self._server.post("/v1/batch/objects", body)]
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
                self.settle()
        finally:
            self._threads.shutdown(cancel_futures=True)
            all_before = True
            for batch, answer in self._in_flight:
                if answer.cancelled() or answer.exception() is not None:
                    all_before = False
                    continue
                count = self._note(batch, answer.result())
                if all_before:
                    self._settled(batch, count)


def _result(answer: dict[str, Any]) -> _Result:
    result = answer["result"]
    if result["status"] == "SUCCESS":
        return _Result("", answer["creationTimeUnix"] != answer["lastUpdateTimeUnix"])
    return _Result("; ".join(one["message"] for one in result["errors"]["error"]) or "the server gives no reason")
