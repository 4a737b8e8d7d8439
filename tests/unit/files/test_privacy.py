"""Folders and files that only their owner can read, whatever the umask is."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from weft.catalog.lmdb import LmdbCatalog
from weft.files import disk
from weft.files.folder_lock import FolderLock
from weft.jobs.backends.filesystem import FilesystemFolder

pytestmark = pytest.mark.skipif(os.name != "posix", reason="Windows has access lists instead")


@pytest.fixture(autouse=True)
def open_umask() -> Iterator[None]:
    before = os.umask(0o022)
    yield
    os.umask(before)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def modes(folder: Path) -> set[int]:
    return {mode(path) for path in folder.rglob("*") if path.is_file()}


def test_folders_that_are_made_are_private_and_those_that_exist_stay(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    before = mode(tmp_path / "a")
    disk.make_folder(tmp_path / "a/b/c", sync=False)
    disk.make_folder(tmp_path / "a/b/c", sync=False)
    assert [mode(tmp_path / path) for path in ("a", "a/b", "a/b/c")] == [before, 0o700, 0o700]


def test_a_data_folder(tmp_path: Path) -> None:
    FolderLock(tmp_path / "data").release()
    LmdbCatalog(tmp_path / "data").close()
    assert mode(tmp_path / "data") == 0o700
    assert mode(tmp_path / "data/catalog.mdb") == 0o600


def test_a_backup(tmp_path: Path) -> None:
    made = tmp_path / "made"
    made.write_bytes(b"x")
    folder = FilesystemFolder(tmp_path / "backups/one")
    folder.put("weft-backup.json", b"{}")
    folder.put_file("packs/1", made)
    assert [mode(tmp_path / path) for path in ("backups", "backups/one", "backups/one/packs")] == [0o700] * 3
    assert modes(tmp_path / "backups") == {0o600}


def test_files_that_are_replaced_whole(tmp_path: Path) -> None:
    disk.write_whole(tmp_path / "file", b"x", sync=False)
    assert mode(tmp_path / "file") == 0o600
