"""What is remembered of jobs comes back as it was, and not without bounds."""

from __future__ import annotations

import pytest

from unit.jobs.stored import StoredSettings
from weft.domain.jobs import JobRecord, JobStatus
from weft.jobs import ledger as ledgers
from weft.jobs.ledger import JobLedger

RECORD = JobRecord(
    kind="export",
    key="/exports/one",
    name="one",
    collections=("A", "B"),
    status=JobStatus.PAUSED,
    started_at="2026-01-02T03:04:05.000Z",
    done=3,
    total=7,
    request={"backend": "filesystem"},
    cursor={"next": 5},
)
ENDED = JobRecord("restore", "/b/x", "x", (), JobStatus.FAILED, "2026-01-02", "2026-01-03", "because")


def test_records_come_back() -> None:
    store = StoredSettings()
    ledger = JobLedger(store)
    for record in (RECORD, ENDED):
        ledger.put(record)
        assert JobLedger(store).find(record.kind, record.key) == record
    assert ledger.records("export") == [RECORD]
    assert ledger.find("export", "/b/x") is None


def test_a_record_can_be_written_with_something_else() -> None:
    store = StoredSettings()
    store.put_settings({"other": 1, **JobLedger.entry(ENDED)})
    assert JobLedger(store).records("restore") == [ENDED]


@pytest.mark.parametrize(
    ("kept", "status"),
    [
        ({"status": "STARTED", "startedAt": "2026"}, JobStatus.RUNNING),
        ({"status": "FAILED", "error": "full", "startedAt": "2026", "completedAt": "2027"}, JobStatus.FAILED),
        ({"status": "CANCELED", "startedAt": "2026", "completedAt": "2027"}, JobStatus.CANCELED),
    ],
)
def test_restores_of_earlier_versions_are_known(kept: dict[str, str], status: JobStatus) -> None:
    store = StoredSettings()
    store.put_settings({"restore /backups/monday": kept})
    (record,) = JobLedger(store).records("restore")
    assert (record.name, record.status, record.error) == ("monday", status, kept.get("error", ""))
    assert (record.started_at, record.ended_at) == ("2026", kept.get("completedAt", ""))


def test_the_oldest_ended_ones_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ledgers, "_MAX_ENDED", 3)
    ledger = JobLedger(StoredSettings())
    for n in range(5):
        ledger.forget_old("copy")
        ledger.put(JobRecord("copy", f"/{n}", str(n), (), JobStatus.SUCCESS, f"2026-0{n + 1}"))
    ledger.put(JobRecord("copy", "/under-way", "", (), JobStatus.RUNNING, "2025"))
    ledger.forget_old("copy")
    assert sorted(one.key for one in ledger.records("copy")) == ["/3", "/4", "/under-way"]
