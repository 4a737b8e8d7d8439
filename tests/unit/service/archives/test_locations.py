"""What requests say about collections, ids and places."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from weft.domain.errors import Invalid, Misconfigured
from weft.jobs.backends.backend import Location
from weft.service.archives.locations import (
    backup_backends,
    checked_id,
    chosen_classes,
    export_backends,
    is_id,
    location,
)
from weft.settings.archives import BackupSettings, ExportSettings

PRESENT = ["Article", "Author", "Book"]


@pytest.mark.parametrize(
    ("request_", "chosen"),
    [
        ({}, PRESENT),
        ({"include": None, "exclude": []}, PRESENT),
        ({"include": ["Book"]}, ["Book"]),
        ({"include": ["book"]}, ["Book"]),
        ({"include": ["Book", "A*"]}, PRESENT),
        ({"include": ["?ook"]}, ["Book"]),
        ({"exclude": ["A*"]}, ["Book"]),
        ({"exclude": ["Nobody"]}, PRESENT),
    ],
)
def test_choices(request_: dict[str, Any], chosen: list[str]) -> None:
    assert chosen_classes(request_, PRESENT, "here") == chosen


@pytest.mark.parametrize(
    ("request_", "said"),
    [
        ({"include": ["Book"], "exclude": ["Book"]}, "not in both"),
        ({"include": ["Nobody"]}, "class Nobody does not exist here; it has Article, Author, Book"),
        ({"include": ["Author", "no-body"]}, "class no-body does not exist here; it has Article, Author, Book"),
        ({"include": ["Z*"]}, "no class is left"),
        ({"include": ["[AB]*"]}, "no class is left"),
        ({"exclude": ["*"]}, "no class is left"),
        ({"include": ["Book", "book"]}, "twice"),
        ({"include": [1]}, "array"),
        ({"exclude": {}}, "array"),
        ({"include": ["Book"] + [f"{n}*" for n in range(200)]}, "200 names have * or ?"),
        ({"exclude": ["x" * 400 + "*"]}, "at most 300 letters"),
    ],
)
def test_choices_that_cannot_be(request_: dict[str, Any], said: str) -> None:
    with pytest.raises(Invalid) as caught:
        chosen_classes(request_, PRESENT, "here")
    assert said in caught.value.message


def test_many_names_are_chosen_among_at_once() -> None:
    present = [f"C{n}" for n in range(20_000)]
    assert chosen_classes({"include": present[::-1]}, present, "here") == present


def test_ids() -> None:
    assert all(map(is_id, ("a", "0_-", "x" * 128)))
    for bad in ("", "A", "a b", "../a", "a/b", "x" * 129, "a\n", "ü"):
        assert not is_id(bad)
        with pytest.raises(Invalid):
            checked_id(bad, "backup")
    with pytest.raises(Invalid):
        checked_id(None, "backup")


def test_locations_in_whatever_case() -> None:
    assert location({"Bucket": "b", "path": "/p", "CPUPercentage": 5}, dynamic=True) == Location("b", "/p")
    assert location({"Bucket": "", "path": None}, dynamic=False) == Location()
    with pytest.raises(Invalid, match="one place only"):
        location({"path": "/p"}, dynamic=False)
    with pytest.raises(Invalid, match="string"):
        location({"PATH": 5}, dynamic=True)


def test_backends_that_the_settings_turn_on(tmp_path: Path) -> None:
    backups = BackupSettings(filesystem_path=str(tmp_path / "backups"))
    assert backup_backends(BackupSettings(), tmp_path / "data") == {}
    assert list(backup_backends(backups, tmp_path / "data")) == ["filesystem"]
    assert export_backends(ExportSettings(default_path="x"), backups) == {}
    assert list(export_backends(ExportSettings(enabled=True, default_path="x"), backups)) == ["filesystem"]


def test_s3_without_its_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "obstore", None)
    with pytest.raises(Misconfigured, match=r"weft\[s3\]"):
        backup_backends(BackupSettings(s3_bucket="b"), Path("data"))
