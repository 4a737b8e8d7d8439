"""Ledger: the records of jobs, kept across restarts.

A record is a value in the store's settings, under its kind and key: ``{status, startedAt, completedAt, error, name,
collections, done, total, request, cursor, server}``. ``entry`` is that value, for a kind that commits its result and
the end of the job in one transaction. For each kind the newest ended jobs are kept.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, Protocol

from weft.catalog.servers import RegisteredServer
from weft.domain.jobs import JobRecord, JobStatus
from weft.domain.json_values import JsonObject, JsonValue

_MAX_ENDED = 1000


class SettingsStore(Protocol):
    """JSON values by key, in the data folder."""

    def settings(self) -> Mapping[str, Any]: ...

    def put_settings(self, changes: Mapping[str, Any]) -> None:
        """All or nothing, durably; None removes a key. Raises StorageFull."""


class JobStore(SettingsStore, Protocol):
    """Settings that several servers may have."""

    @property
    def server(self) -> str:
        """The id of this server among those that have the store; empty where it is the only one."""
        ...

    def servers(self) -> Sequence[RegisteredServer]:
        """Those that have the store and run."""
        ...

    def alone(self) -> AbstractContextManager[None]:
        """No other server decides meanwhile whose job one is."""
        ...


class JobLedger:
    def __init__(self, store: JobStore) -> None:
        self._store = store

    @property
    def server(self) -> str:
        return self._store.server

    def is_elsewhere(self, record: JobRecord) -> bool:
        """Whether another server runs the job, or will when it has started again."""
        return record.server not in ("", self.server) and any(one.id == record.server for one in self._store.servers())

    def alone(self) -> AbstractContextManager[None]:
        """No other server decides meanwhile whose job one is."""
        return self._store.alone()

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

    def forget(self, kind: str, key: str) -> None:
        """Does nothing where there is no such record."""
        self._store.put_settings({f"{kind} {key}": None})

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
        value |= {"server": record.server} if record.server else {}
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
        server=value.get("server", ""),
    )
