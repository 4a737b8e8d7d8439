from __future__ import annotations

from datetime import datetime

import pytest

from weft.settings.storage import StorageSettings


@pytest.mark.parametrize(
    ("schedule", "following"),
    [
        ("@every 1m30s", "2026-03-01T10:07:44"),
        ("@every 250ms", "2026-03-01T10:06:14.250000"),
        ("@hourly", "2026-03-01T11:00:00"),
        ("@daily", "2026-03-02T00:00:00"),
        ("@weekly", "2026-03-08T00:00:00"),
        ("@monthly", "2026-04-01T00:00:00"),
        ("@yearly", "2027-01-01T00:00:00"),
        ("*/5 * * * *", "2026-03-01T10:10:00"),
        ("*/10 * * * * *", "2026-03-01T10:06:20"),
        ("0 3 * * MON-FRI", "2026-03-02T03:00:00"),
    ],
)
def test_when_expired_objects_are_deleted(schedule: str, following: str) -> None:
    after_s = datetime(2026, 3, 1, 10, 6, 14).timestamp()
    found = StorageSettings(expiry=schedule).expiry_schedule()(after_s)
    assert datetime.fromtimestamp(found) == datetime.fromisoformat(following)


def test_without_a_schedule_they_stay() -> None:
    assert StorageSettings(expiry="").expiry_schedule()(0) == float("inf")
