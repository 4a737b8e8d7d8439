"""Ledger: the records of jobs, kept across restarts.

A record is a value in the store's settings, under its kind and key: ``{status, startedAt, completedAt, error, name,
collections, done, total, request, cursor}``. ``entry`` is that value, for a kind that commits its result and the end of
the job in one transaction. For each kind the newest ended jobs are kept.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from weft.domain.jobs import JobRecord, JobStatus
from weft.domain.json_values import JsonObject, JsonValue

_MAX_ENDED = 1000


class SettingsStore(Protocol):
    """JSON values by key, in the data folder."""

    def settings(self) -> Mapping[str, Any]: ...

    def put_settings(self, changes: Mapping[str, Any]) -> None:
        """All or nothing, durably; None removes a key. Raises StorageFull."""


class JobLedger:
    def __init__(self, store: SettingsStore) -> None:
        self._store = store

    def records(self, kind: str) -> list[JobRecord]:
        """All records of that kind, in no order."""
        prefix = f"{kind} "
        found = [(key, value) for key, value in self._store.settings().items() if key.startswith(prefix)]
        return [_record(kind, key.removeprefix(prefix), value) for key, value in found]

    def find(self, kind: str, key: str) -> JobRecord | None:
        value = self._store.settings().get(f"{kind} {key}")
        return None if value is None else _record(kind, key, value)

    def put(self, record: JobRecord) -> None:
        """Durable at return. Raises StorageFull."""
        self._store.put_settings(self.entry(record))

    def forget_old(self, kind: str) -> None:
        """Makes room for one more record of that kind."""
        ended = sorted((one for one in self.records(kind) if one.status.ended), key=lambda one: one.started_at)
        if gone := ended[: max(0, len(ended) - _MAX_ENDED + 1)]:
            self._store.put_settings({f"{kind} {one.key}": None for one in gone})

    @staticmethod
    def entry(record: JobRecord) -> dict[str, JsonObject]:
        """The settings that hold ``record``."""
        value: dict[str, JsonValue] = {
            "status": record.status.value,
            "startedAt": record.started_at,
            "name": record.name,
        }
        value |= {"collections": list(record.collections), "done": record.done, "total": record.total}
        value |= {"completedAt": record.ended_at} if record.ended_at else {}
        value |= {"error": record.error} if record.error else {}
        value |= {"request": record.request} if record.request else {}
        value |= {"cursor": record.cursor} if record.cursor is not None else {}
        return {f"{record.kind} {record.key}": value}


def _record(kind: str, key: str, value: Mapping[str, Any]) -> JobRecord:
    """``value`` passed its checksum, so it is what was written: by this version, or by an earlier one that had only
    restores, with status, times and error, and STARTED for those that had not ended."""
    status = value["status"]
    return JobRecord(
        kind=kind,
        key=key,
        name=value.get("name", key.rpartition("/")[2]),
        collections=tuple(value.get("collections", ())),
        status=JobStatus(status) if status in JobStatus.__members__ else JobStatus.RUNNING,
        started_at=value["startedAt"],
        ended_at=value.get("completedAt", ""),
        error=value.get("error", ""),
        done=value.get("done", 0),
        total=value.get("total", 0),
        request=value.get("request", {}),
        cursor=value.get("cursor"),
    )
