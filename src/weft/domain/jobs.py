"""Job records: the status and progress of long work that outlives the request that started it."""

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
    """The last step, which cannot be cancelled or paused: the result is being committed."""
    CANCELLING = "CANCELLING"
    SUCCESS = "SUCCESS"
    FAILED = "FAILED"
    CANCELED = "CANCELED"

    @property
    def ended(self) -> bool:
        return self in _ENDED

    @property
    def outcome(self) -> str:
        """The word for it in a file that records how a job ended, for readers that do not have the job."""
        return self.value if self.ended else _BEGUN

    @classmethod
    def of_outcome(cls, word: str) -> JobStatus:
        """WAITING for a job that had not ended. Raises ValueError."""
        return cls.WAITING if word == _BEGUN else cls(word)


_BEGUN = "STARTED"
_ENDED = frozenset({JobStatus.SUCCESS, JobStatus.FAILED, JobStatus.CANCELED})


@dataclass(frozen=True, slots=True)
class JobRecord:
    """A job at one moment. Its kind and its key, which says what it works on, identify it; ``name`` is the caller's
    name for it, ``collections`` are those that it works on.

    ``done`` of about ``total``, in the kind's unit. A resumable job is set up again from ``request`` after a restart;
    ``cursor`` is what it saved last, None before the first time; each kind defines the keys of both. Times are ISO
    8601 in UTC; ``ended_at`` is empty until the end.
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
    server: str = ""
    """The id of the server that runs it, where several have the catalog."""

    @property
    def id(self) -> str:
        """A hash of the kind and the key: 16 hexadecimal digits."""
        return xxhash.xxh3_64_hexdigest(f"{self.kind} {self.key}".encode())
