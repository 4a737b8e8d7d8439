"""New folders are on the disk up to the one that was there; one that cannot be read is no obstacle."""

from __future__ import annotations

from pathlib import Path

import pytest

from weft.files import disk


@pytest.fixture
def synced(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    found: list[Path] = []
    monkeypatch.setattr(disk, "sync_folder", found.append)
    return found


def test_every_folder_that_was_made_is_synced(tmp_path: Path, synced: list[Path]) -> None:
    disk.make_folder(tmp_path / "a/b/c", sync=True)
    assert synced == [tmp_path, tmp_path / "a", tmp_path / "a/b"]
    disk.make_folder(tmp_path / "a/b/c", sync=True)
    assert len(synced) == 3, "it was there"


def test_folders_that_a_crash_may_have_left_unsynced_are_synced_again(tmp_path: Path, synced: list[Path]) -> None:
    (tmp_path / "a/b/c").mkdir(parents=True)
    disk.make_folder(tmp_path / "a/b/c", sync=True, below=3)
    assert synced == [tmp_path, tmp_path / "a", tmp_path / "a/b"]


def test_a_folder_above_that_may_not_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(folder: Path) -> None:
        raise PermissionError(13, "Permission denied", str(folder))

    monkeypatch.setattr(disk, "sync_folder", refuse)
    disk.make_folder(tmp_path / "a", sync=True)
    assert (tmp_path / "a").is_dir()
