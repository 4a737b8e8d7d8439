"""Files that objects name: only those below listed folders."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from weft.domain.errors import Invalid, Overloaded, TooLarge
from weft.domain.shares import Shares
from weft.service.media_references import room as rooms
from weft.service.media_references.folders import MediaFolders
from weft.service.media_references.room import Room


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "media"
    (folder / "a b").mkdir(parents=True)
    (folder / "a b" / "cat.png").write_bytes(b"cat")
    (tmp_path / "secret").write_bytes(b"secret")
    return folder


def read(folder: Path, reference: str, most: int = 1 << 20) -> bytes:
    return MediaFolders([str(folder)]).read(reference, Room(Shares(most), ""))


def refused(folder: Path, reference: str) -> str:
    with pytest.raises(Invalid) as caught:
        read(folder, reference)
    return caught.value.message


def test_a_file_below_the_folder(folder: Path) -> None:
    file = folder / "a b" / "cat.png"
    assert read(folder, file.as_uri()) == b"cat"
    assert read(folder, f"file://localhost{file.as_posix().replace(' ', '%20')}") == b"cat"
    assert read(folder, f"file:{file.as_posix()}") == b"cat"


def test_nothing_outside_is_read(folder: Path) -> None:
    outside = folder.parent / "secret"
    for path in (outside, folder, folder.with_name("media2") / "x"):
        assert "is not below a folder" in refused(folder, path.as_uri())
    for reference in (
        f"{folder.as_uri()}/../secret",
        f"{folder.as_uri()}/%2e%2e/secret",
        f"file://other/{folder}/x",
        "file:media/cat.png",
        "file:",
        f"{folder.as_uri()}/a%00b",
        "file://[",
    ):
        assert "names no file" in refused(folder, reference)


def test_no_link_is_followed(folder: Path) -> None:
    (folder / "link").symlink_to(folder.parent / "secret")
    (folder / "way").symlink_to(folder.parent)
    (folder / "inner").symlink_to(folder / "a b" / "cat.png")
    for name in ("link", "way/secret", "inner"):
        assert "cannot be read" in refused(folder, f"{folder.as_uri()}/{name}")


def test_what_is_no_file(folder: Path) -> None:
    os.mkfifo(folder / "pipe")
    for name in ("pipe", "a%20b"):
        assert "is not a file" in refused(folder, f"{folder.as_uri()}/{name}")
    for name in ("missing", "a%20b/cat.png/more"):
        assert "cannot be read" in refused(folder, f"{folder.as_uri()}/{name}")


def test_without_folders_nothing_is_read(folder: Path) -> None:
    with pytest.raises(Invalid, match="WEFT_MEDIA_FOLDERS"):
        MediaFolders([]).read((folder / "a b" / "cat.png").as_uri(), Room(Shares(100), ""))


def test_what_is_too_large(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cat = (folder / "a b" / "cat.png").as_uri()
    with pytest.raises(Overloaded, match="fewer objects"):
        read(folder, cat, most=5)
    monkeypatch.setattr(rooms, "MOST_BYTES", 2)
    with pytest.raises(TooLarge):
        read(folder, cat)
