"""Jobs in words: long work that outlives the request that asked for it, and how far it has come."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

import xxhash

from weft.domain.json_values import JsonObject


class JobStatus(StrEnum):
    WAITING = "WAITING"
    RUNNING = "RUNNING"
    PAUSING = "PAUSING"
    PAUSED = "PAUSED"
    FINISHING = "FINISHING"
    """The last step, which cannot be cancelled or paused: what was done is being made to count."""
    CANCELLING = "CANCELLING"
    SUCCESS = "SUCCESS"
    FAILED = "FAILED"
    CANCELED = "CANCELED"

    @property
    def ended(self) -> bool:
        return self in _ENDED

    @property
    def outcome(self) -> str:
        """The word for it in a file that says how a job ended, which is read where the job is not known."""
        return self.value if self.ended else _BEGUN

    @classmethod
    def of_outcome(cls, word: str) -> JobStatus:
        """WAITING for a job that had not ended. Raises ValueError."""
        return cls.WAITING if word == _BEGUN else cls(word)


_BEGUN = "STARTED"
_ENDED = frozenset({JobStatus.SUCCESS, JobStatus.FAILED, JobStatus.CANCELED})


@dataclass(frozen=True, slots=True)
class JobRecord:
    """A job at one moment, known by its kind and its key, which says what it works on. ``name`` is what its caller
    called it, ``collections`` are those that it is about.

    ``done`` of about ``total``, in the kind's unit. ``request`` is what a resumable job is set up from after a restart;
    ``cursor`` is what it saved last, None before the first time; the keys of both are the kind's own. Times are ISO
    8601 in UTC, ``ended_at`` empty until the end.
    """

    kind: str
    key: str
    name: str
    collections: tuple[str, ...]
    status: JobStatus
    started_at: str
    ended_at: str = ""
    error: str = ""
    done: int = 0
    total: int = 0
    request: JsonObject = field(default_factory=dict)
    cursor: JsonObject | None = None

    @property
    def id(self) -> str:
        """Stands for the kind and the key: 16 hexadecimal digits."""
        return xxhash.xxh3_64_hexdigest(f"{self.kind} {self.key}".encode())
