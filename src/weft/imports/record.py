"""ImportRecord: one import into one collection, in counts and examples. Its size is bounded, however long it takes."""

from __future__ import annotations

import secrets
from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass, field, fields
from enum import StrEnum
from typing import Any, Final, NamedTuple, TypeAlias

from weft.domain.error_shapes import shape_of
from weft.domain.errors import WeftError
from weft.domain.metering import WorkMeter

_MOST_CLASSES: Final = 32
_MOST_EXAMPLES: Final = 3
_MOST_CHARS: Final = 500
_OTHERS: Final = "Others"
"""The class of errors beyond the first so many classes."""


class ImportKind(StrEnum):
    BATCH = "batch"
    STREAM = "stream"
    SINGLE = "single"
    """Objects that were sent one by one."""


class ImportStatus(StrEnum):
    RUNNING = "RUNNING"
    ENDED = "ENDED"
    INTERRUPTED = "INTERRUPTED"
    """The server ended before the import did; its counts are those of the last time the report was written."""


class ImportKey(NamedTuple):
    """What belongs to the same import, if it comes soon enough. ``stream``: the id of a stream, else empty."""

    collection: str
    user: str | None
    wire: str
    kind: ImportKind
    stream: str = ""


Example: TypeAlias = tuple[str, str]
"""The id of an object, which may be empty, and its error's message."""


@dataclass(slots=True)
class AlikeErrors:
    """Errors of the same type whose messages have the same shape, with the first examples."""

    type: str
    count: int = 0
    examples: list[Example] = field(default_factory=list)


@dataclass(slots=True)
class ImportRecord:
    """``sent`` objects are ``stored`` or ``refused``; so are ``references``. ``kept`` and ``omitted``: of the refused
    objects, those that can be read again, and those for which there was no room. ``storing_ms``: of its batches
    together."""

    id: str
    collection: str
    user: str | None
    wire: str
    kind: str
    started_ms: int
    active_ms: int
    ended_ms: int = 0
    batches: int = 0
    stored: int = 0
    refused: int = 0
    references_stored: int = 0
    references_refused: int = 0
    storing_ms: float = 0.0
    calls: int = 0
    retries: int = 0
    tokens: int = 0
    truncated: int = 0
    kept: int = 0
    kept_bytes: int = 0
    omitted: int = 0
    errors: dict[str, AlikeErrors] = field(default_factory=dict)
    """By type and shape."""

    @classmethod
    def begun(cls, key: ImportKey, now_ms: int) -> ImportRecord:
        return cls(secrets.token_hex(8), key.collection, key.user, key.wire, key.kind.value, now_ms, now_ms)

    @property
    def sent(self) -> int:
        return self.stored + self.refused

    def count(self, meter: WorkMeter) -> None:
        self.calls += meter.calls
        self.retries += meter.retries
        self.tokens += meter.tokens
        self.truncated += meter.truncated

    def add_errors(self, found: Sequence[tuple[str, WeftError]], names: Collection[str]) -> None:
        """``found``: an id and an error each. Objects that share an error are looked at once."""
        classes: dict[int, AlikeErrors] = {}
        for uuid, error in found:
            known = classes.get(id(error))
            if known is None:
                known = classes[id(error)] = self._class_of(error, names)
            known.count += 1
            if len(known.examples) < _MOST_EXAMPLES:
                known.examples.append((shortened(uuid), shortened(error.message)))

    def _class_of(self, error: WeftError, names: Collection[str]) -> AlikeErrors:
        kind = type(error).__name__
        key = f"{kind} {shape_of(shortened(error.message), names)}"
        if key not in self.errors and len(self.errors) >= _MOST_CLASSES:
            key, kind = _OTHERS, _OTHERS
        return self.errors.setdefault(key, AlikeErrors(kind))

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def of_json(cls, value: dict[str, Any]) -> ImportRecord:
        """Raises TypeError, KeyError, ValueError or AttributeError for what is no report."""
        known = {one.name for one in fields(cls)}
        report = cls(**{name: one for name, one in value.items() if name in known})
        report.errors = {
            key: AlikeErrors(one["type"], one["count"], [(uuid, message) for uuid, message in one["examples"]])
            for key, one in value["errors"].items()
        }
        return report


def shortened(message: str) -> str:
    return message if len(message) <= _MOST_CHARS else message[:_MOST_CHARS] + "…"
