"""Scheduler: one model's queue, in short runs of texts of similar length, with queries separate from documents.

On a CPU larger batches are not faster, and padding costs as much as text. So the texts of a request are sorted by
length and cut into runs of at most ``token_budget`` padded tokens, more on a GPU (a longer text is a separate run).
Queries and documents have ``workers`` threads each, so a query never waits for documents; on Linux the documents'
threads have a lower priority.
Requests take turns, one run each, so that a small one does not wait for a large one. Measured on 384 mixed texts,
float32, one thread: 62.5 texts/s with runs of 512 padded tokens and a longest run of 146 ms, against 14.9 texts/s and
2930 ms for batches of 32 in order of arrival.

Invariants: every submitted text gets exactly one vector or error, in the order given; an error of one text does not
affect the others; at most ``queue_limit`` texts wait, except that an idle queue takes a request of any size.
"""

from __future__ import annotations

import logging
import os
import sys
import threading
from collections import deque
from collections.abc import Mapping, Sequence
from enum import Enum
from typing import Any, Generic, Protocol, TypeVar

from weft.domain.errors import Invalid, Overloaded, ProviderError, WeftError
from weft.domain.metering import current, metered
from weft.domain.objects import Vector
from weft.domain.place import waited
from weft.modules.local.truncation import CountsTruncation

_log = logging.getLogger(__name__)

_CPU_TOKENS = 512
_GPU_TOKENS = 16_384
"""A GPU needs many texts per run: this is the default of text-embeddings-inference."""

_SOON_S = 0.1
"""Where a text takes longer, another request is answered in the place of the one that waits."""

_NICE = 15
"""The niceness of threads that embed documents; only Linux has one for each thread."""

Prepared = TypeVar("Prepared")


class Encoder(Protocol[Prepared]):
    """A loaded model. Several workers call ``prepare`` and ``encode`` at the same time.

    Inputs are mostly texts; a model may take others. A WeftError that it raises is passed on.
    """

    name: str
    parallel: bool
    """Whether concurrent runs are faster than sequential ones, as on a CPU but not on a GPU."""

    def prepare(self, texts: Sequence[Any]) -> list[Prepared]: ...

    def length(self, prepared: Prepared) -> int:
        """The number of its tokens."""
        ...

    def encode(self, run: Sequence[Prepared]) -> Sequence[Vector]:
        """``(d,)`` or ``(T, d)`` f32 for each, in order."""
        ...

    def close(self) -> None: ...


class Urgency(Enum):
    QUERY = 0
    DOCUMENT = 1


class _Request(Generic[Prepared]):
    """One call: its texts, the waiting runs of prepared texts, the results, and an event for the end."""

    __slots__ = ("done", "meter", "missing", "prepared", "results", "runs", "texts")

    def __init__(self, texts: Sequence[Any]) -> None:
        self.texts = texts
        self.meter = current()
        self.prepared: Mapping[int, Prepared] | None = None
        self.runs: deque[list[int]] = deque()
        self.results: list[Vector | WeftError | None] = [None] * len(texts)
        self.missing = len(texts)
        self.done = threading.Event()


class Scheduler(Generic[Prepared]):
    """Runs an encoder on ``workers`` threads for queries and as many for documents, started at the first request."""

    def __init__(
        self,
        encoder: Encoder[Prepared],
        *,
        workers: int = 1,
        token_budget: int | None = None,
        queue_limit: int = 100_000,
    ) -> None:
        self.encoder = encoder
        self.workers = workers
        self._token_budget = token_budget or (_CPU_TOKENS if encoder.parallel else _GPU_TOKENS)
        self._queue_limit = queue_limit
        self._threads: list[threading.Thread] = []
        self._changed = threading.Condition()
        self._waiting: dict[Urgency, deque[_Request[Prepared]]] = {u: deque() for u in Urgency}
        self._texts_waiting = 0
        self._embedded = 0
        self._closed = False

    def embed(self, texts: Sequence[Any], urgency: Urgency) -> list[Vector | WeftError]:
        """One vector or error for each text, in order. Blocks; raises Overloaded when the queue is full or closed."""
        if not texts:
            return []
        request: _Request[Prepared] = _Request(texts)
        self._enqueue(request, urgency)
        if not request.done.wait(_SOON_S):
            waited(request.done.wait)
        return [result for result in request.results if result is not None]

    @property
    def waiting(self) -> int:
        """How many texts or media are not answered yet."""
        return self._texts_waiting

    @property
    def embedded(self) -> int:
        """How many texts or media the model was run on, failures included."""
        return self._embedded

    @property
    def truncated(self) -> int:
        """Of how many texts the model has not read the end; 0 where it does not say."""
        return self.encoder.truncation.texts if isinstance(self.encoder, CountsTruncation) else 0

    def close(self) -> None:
        """Finish current runs, refuse waiting texts, stop the threads, release the model."""
        with self._changed:
            self._closed = True
            for waiting in self._waiting.values():
                while waiting:
                    self._refuse(waiting.popleft())
            self._changed.notify_all()
        for thread in self._threads:
            thread.join()
        self.encoder.close()

    # -- admission, in the caller's thread

    def _enqueue(self, request: _Request[Prepared], urgency: Urgency) -> None:
        with self._changed:
            if self._closed:
                raise Overloaded(f"the model {self.encoder.name} is being unloaded; send the request again")
            if self._texts_waiting and self._texts_waiting + request.missing > self._queue_limit:
                raise Overloaded(
                    f"{self._texts_waiting} texts are waiting for the model {self.encoder.name} already, and at most "
                    f"{self._queue_limit} may wait; send the request again later",
                    waiting=self._texts_waiting,
                    limit=self._queue_limit,
                )
            self._texts_waiting += request.missing
            self._waiting[urgency].append(request)
            if not self._threads:
                self._start()
            self._changed.notify_all()

    def _start(self) -> None:
        name = f"weft-embed-{self.encoder.name}"
        self._threads = [
            threading.Thread(target=self._work, args=(urgency,), name=name, daemon=True)
            for urgency in Urgency
            for _ in range(self.workers)
        ]
        for thread in self._threads:
            thread.start()

    # -- in the workers' threads

    def _work(self, urgency: Urgency) -> None:
        """Prepares and runs the requests of this urgency. Preparing has the same priority as running."""
        if urgency is Urgency.DOCUMENT and sys.platform == "linux":
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _NICE)
        waiting = self._waiting[urgency]
        while True:
            with self._changed:
                while not self._closed and not waiting:
                    self._changed.wait()
                if self._closed:
                    return
                request = waiting.popleft()
                run = request.runs.popleft() if request.runs else []
                if request.runs:
                    waiting.append(request)
            if run:
                assert request.prepared is not None
                found = self._encode([request.prepared[i] for i in run])
                with self._changed:
                    self._settle(request, dict(zip(run, found, strict=True)))
                    self._embedded += len(run)
            else:
                self._make_ready(request, waiting)

    def _make_ready(self, request: _Request[Prepared], waiting: deque[_Request[Prepared]]) -> None:
        """Prepares the request's texts and cuts them into runs."""
        try:
            with metered(request.meter):
                prepared, failures = self._prepare(request.texts)
            runs = self._cut(prepared)
        except Exception as error:
            prepared, runs = {}, []
            failures = dict.fromkeys(range(len(request.texts)), self._failure(error))
        with self._changed:
            request.prepared = prepared
            request.runs.extend(runs)
            if self._closed:
                self._refuse(request)
            elif runs:
                waiting.appendleft(request)
                self._changed.notify_all()
            self._settle(request, failures)

    def _prepare(self, texts: Sequence[Any]) -> tuple[dict[int, Prepared], dict[int, WeftError]]:
        """The prepared texts by position, and the errors of texts that the model cannot read."""
        try:
            return dict(enumerate(self.encoder.prepare(texts))), {}
        except Exception:
            prepared: dict[int, Prepared] = {}
            failures: dict[int, WeftError] = {}
            for i, text in enumerate(texts):
                try:
                    prepared[i] = self.encoder.prepare([text])[0]
                except WeftError as error:
                    failures[i] = error
                except Exception as error:
                    failures[i] = Invalid(f"the model {self.encoder.name} cannot read this input: {error}")
            return prepared, failures

    def _cut(self, prepared: Mapping[int, Prepared]) -> list[list[int]]:
        """Positions in runs of at most the budget of padded tokens, short texts first."""
        lengths = {i: self.encoder.length(one) for i, one in prepared.items()}
        runs: list[list[int]] = []
        for i in sorted(lengths, key=lengths.__getitem__):
            if runs and (len(runs[-1]) + 1) * lengths[i] <= self._token_budget:
                runs[-1].append(i)
            else:
                runs.append([i])
        return runs

    def _encode(self, run: Sequence[Prepared]) -> list[Vector | WeftError]:
        try:
            return list(self.encoder.encode(run))
        except Exception as error:
            if len(run) > 1:
                return [result for one in run for result in self._encode([one])]
            if isinstance(error, WeftError):
                return [error]
            return [self._failure(error)]

    def _failure(self, error: Exception) -> ProviderError:
        _log.error("the model %s failed on a text", self.encoder.name, exc_info=error)
        failure = ProviderError(
            f"the model {self.encoder.name} failed on this input: {error}", provider=self.encoder.name
        )
        failure.__cause__ = error
        return failure

    def _refuse(self, request: _Request[Prepared]) -> None:
        """Answer the texts of a request that are not in a run yet; current runs answer the others."""
        left = range(len(request.texts)) if request.prepared is None else [i for run in request.runs for i in run]
        request.runs.clear()
        stops = f"the server is stopping, and the model {self.encoder.name} was not run; send the request again later"
        self._settle(request, {i: Overloaded(stops) for i in left})

    def _settle(self, request: _Request[Prepared], results: Mapping[int, Vector | WeftError]) -> None:
        for i, result in results.items():
            request.results[i] = result
        request.missing -= len(results)
        self._texts_waiting -= len(results)
        if not request.missing:
            request.done.set()
