"""Profiles: durations and facts that any room can note, recorded only for queries that request them.

The recording is a context variable, so rooms need not pass it on. Without one, a note costs 0.1 to 0.2 µs.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import ContextVar
from dataclasses import dataclass, field

TOTAL = "total_took"

_UNITS = ((1.0, "s"), (1e-3, "ms"), (1e-6, "µs"))
_NOTHING = nullcontext()


@dataclass(slots=True)
class Details:
    """Durations with the same name add up; a later fact replaces an earlier one."""

    seconds: dict[str, float] = field(default_factory=dict)
    facts: dict[str, str] = field(default_factory=dict)

    def add(self, name: str, seconds: float) -> None:
        self.seconds[name] = self.seconds.get(name, 0.0) + seconds

    def absorb(self, other: Details) -> None:
        self.facts |= other.facts
        for name, seconds in other.seconds.items():
            self.add(name, seconds)


class Recording:
    """The work of one query in one shard: details for each kind of search, and for the work that the kinds share."""

    def __init__(self) -> None:
        self.details = self._shared = Details()
        """The details that receive notes at the moment."""
        self._kinds: dict[str, Details] = {}
        self._started = time.perf_counter()
        self._elapsed_s = 0.0

    def stop(self) -> None:
        self._elapsed_s = time.perf_counter() - self._started

    def of_kind(self, kind: str) -> Details:
        return self._kinds.setdefault(kind, Details())

    def absorb(self, other: Recording) -> None:
        """Adds what ``other`` recorded."""
        self._shared.absorb(other._shared)
        for kind, details in other._kinds.items():
            self.of_kind(kind).absorb(details)

    def noted(self) -> dict[str, str]:
        """All figures as text, by name, summed over the kinds of search."""
        details = Details()
        for each in (self._shared, *self._kinds.values()):
            details.absorb(each)
        details.seconds.pop(TOTAL, None)
        return details.facts | {name: format_duration(value) for name, value in details.seconds.items()}

    def by_kind(self) -> dict[str, Mapping[str, str]]:
        """The figures of each kind of search as text, shared ones included.

        The total of a kind leaves out the work of the other kinds.
        """
        shared_s = self._elapsed_s - sum(details.seconds[TOTAL] for details in self._kinds.values())
        found: dict[str, Mapping[str, str]] = {}
        for kind, details in self._kinds.items():
            seconds = self._shared.seconds | details.seconds | {TOTAL: shared_s + details.seconds[TOTAL]}
            durations = {name: format_duration(value) for name, value in seconds.items()}
            found[kind] = self._shared.facts | details.facts | durations
        return found


_recording: ContextVar[Recording | None] = ContextVar("weft_recording", default=None)


@contextmanager
def recording() -> Iterator[Recording]:
    """Record the notes of this thread until the block ends; they are then added to an outer recording, if any."""
    made, around = Recording(), _recording.get()
    token = _recording.set(made)
    try:
        yield made
    finally:
        made.stop()
        _recording.reset(token)
        if around is not None:
            around.absorb(made)


def is_recording() -> bool:
    return _recording.get() is not None


def searching(kind: str) -> AbstractContextManager[None]:
    """The block works for one kind of search: its notes and its time count for that kind."""
    current = _recording.get()
    return _NOTHING if current is None else _apart(current, kind)


def took(name: str) -> AbstractContextManager[None]:
    """Notes how long the block takes."""
    current = _recording.get()
    return _NOTHING if current is None else _timed(current.details, name)


def note(name: str, fact: str | int) -> None:
    """Notes a fact; a bool becomes ``true`` or ``false``."""
    current = _recording.get()
    if current is not None:
        current.details.facts[name] = str(fact).lower() if isinstance(fact, bool) else str(fact)


def format_duration(seconds: float) -> str:
    """In the largest unit that leaves an integer part, as the protocol writes durations: ``1.204ms``, ``75.3s``."""
    for size, unit in _UNITS:
        if seconds >= size:
            return f"{seconds / size:.3f}".rstrip("0").rstrip(".") + unit
    return f"{seconds * 1e9:.0f}ns"


@contextmanager
def _apart(current: Recording, kind: str) -> Iterator[None]:
    before, current.details = current.details, current.of_kind(kind)
    try:
        with took(TOTAL):
            yield
    finally:
        current.details = before


@contextmanager
def _timed(details: Details, name: str) -> Iterator[None]:
    started = time.perf_counter()
    try:
        yield
    finally:
        details.add(name, time.perf_counter() - started)
