"""History: who wrote what and when, and which versions of an object an answer may have.

Each object is linearizable: a write takes effect at one moment between its call and its return, or the first answer
that shows it. So a version is possible for an answer if its write began before the answer came, and no other write that
followed it had taken effect before the question was asked. Time is a counter.
"""

from __future__ import annotations

import itertools
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from math import inf

_PRUNED_EVERY = 64


@dataclass(eq=False)
class Write:
    """``version`` None: a deletion. ``done``: by when it has taken effect at the latest."""

    version: int | None
    began: float
    done: float = inf


class Refused(Exception):
    """The server refused a write, because of what is stored."""


class History:
    def __init__(self) -> None:
        self._clock = itertools.count(1)
        self._lock = threading.Lock()
        self._writes: dict[int, list[Write]] = {}
        self._asked: dict[object, float] = {}
        self._written = 0

    @contextmanager
    def writing(self, versions: dict[int, int | None]) -> Iterator[None]:
        """While a call changes objects to these versions.

        When it raises Refused it has changed nothing; after any other error it may still take effect, at any time.
        """
        with self._lock:
            began = next(self._clock)
            writes = {number: Write(version, began) for number, version in versions.items()}
            for number, write in writes.items():
                self._writes.setdefault(number, [Write(None, 0, 0)]).append(write)
        try:
            yield
        except Refused:
            with self._lock:
                for number, write in writes.items():
                    self._writes[number].remove(write)
            return
        with self._lock:
            done = next(self._clock)
            for number, write in writes.items():
                write.done = min(write.done, done)
                self._written += 1
                if self._written % _PRUNED_EVERY == 0:
                    self._prune(number)

    @contextmanager
    def asking(self) -> Iterator[float]:
        """While a question is answered and its answer is judged: when it was asked."""
        token = object()
        with self._lock:
            asked = self._asked[token] = next(self._clock)
        try:
            yield asked
        finally:
            with self._lock:
                del self._asked[token]

    def now(self) -> float:
        with self._lock:
            return next(self._clock)

    def judge(self, asked: float, answered: float, versions: Iterable[tuple[int, int | None]]) -> list[str]:
        """What is impossible among the ``(number, version)`` of an answer."""
        wrong: list[str] = []
        with self._lock:
            for number, version in versions:
                possible = self._possible(number, asked, answered)
                fitting = [write for write in possible if write.version == version]
                if not fitting:
                    others = sorted({str(write.version) for write in possible})
                    wrong.append(f"object {number} is {version}, which cannot be: possible are {', '.join(others)}")
                elif len(fitting) == 1:
                    fitting[0].done = min(fitting[0].done, answered)
        return wrong

    def surely_there(self, asked: float, answered: float) -> set[int]:
        """The numbers of the objects that existed all the time."""
        with self._lock:
            return {
                number
                for number in self._writes
                if all(write.version is not None for write in self._possible(number, asked, answered))
            }

    def possible(self, number: int, asked: float, answered: float) -> set[int | None]:
        with self._lock:
            return {write.version for write in self._possible(number, asked, answered)}

    def _possible(self, number: int, asked: float, answered: float) -> list[Write]:
        writes = self._writes.get(number) or [Write(None, 0, 0)]
        last = max((write.began for write in writes if write.done < asked), default=-1.0)
        return [write for write in writes if write.began < answered and write.done >= last]

    def _prune(self, number: int) -> None:
        oldest = min(self._asked.values(), default=inf)
        self._writes[number] = self._possible(number, min(oldest, next(self._clock)), inf)
