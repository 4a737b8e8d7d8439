"""What every backend must do, on the file system and on a real S3 server."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from s3_server import BUCKET
from weft.domain.errors import Invalid, OperatorError
from weft.jobs.backends.backend import Backend, Location
from weft.jobs.backends.filesystem import FilesystemBackend
from weft.jobs.backends.s3 import S3Backend, S3Folder


def test_blobs_come_back(backend: Backend, tmp_path: Path) -> None:
    folder = backend.folder("one", Location())
    assert folder.get("state") is None
    assert folder.get_range("packs/000000", 0, 5) is None
    folder.put("state", b"first")
    folder.put("state", b"second")
    folder.put("packs/000000", bytes(range(100)))
    assert folder.get("state") == b"second"
    assert folder.get_range("packs/000000", 10, 5) == bytes(range(10, 15))
    assert folder.get_range("packs/000000", 95, 50) == bytes(range(95, 100))
    (tmp_path / "large").write_bytes(data := os.urandom(6 << 20))
    folder.put_file("large.parquet", tmp_path / "large")
    assert folder.get("large.parquet") == data


def test_a_folder_is_cleared_by_prefix_and_listed(backend: Backend) -> None:
    assert backend.ids() == []
    for id in ("one", "two"):
        folder = backend.folder(id, Location())
        folder.put("state", b"s")
        folder.put("packs/000000", b"p")
        folder.put("packs/000001", b"p")
    folder.clear("packs")
    assert folder.get("packs/000000") is None
    assert folder.get("packs/000001") is None
    assert folder.get("state") == b"s"
    assert backend.folder("one", Location()).get("packs/000001") == b"p"
    assert sorted(backend.ids()) == ["one", "two"]


def test_a_folder_is_empty_until_something_is_put(backend: Backend) -> None:
    folder = backend.folder("one", Location())
    assert folder.is_empty()
    backend.folder("one-more", Location()).put("state", b"s")
    assert folder.is_empty()
    folder.put("packs/000000", b"p")
    assert not folder.is_empty()


def test_another_location(backend: Backend, tmp_path: Path) -> None:
    place = Location(path=str(tmp_path / "elsewhere"))
    folder = backend.folder("one", place)
    folder.put("state", b"there")
    assert backend.folder("one", Location()).get("state") is None
    assert backend.folder("one", place).get("state") == b"there"
    assert backend.ids() == []


@pytest.mark.parametrize(
    "place",
    [Location(path="relative"), Location(path="/a\0b"), Location(path="/" + "a" * 5000)],
)
def test_a_location_that_no_file_system_has(place: Location, tmp_path: Path) -> None:
    with pytest.raises(Invalid):
        FilesystemBackend(tmp_path).folder("one", place)


@pytest.mark.parametrize("path", ["", "collections", "elsewhere/../deeper"])
def test_no_request_leads_into_the_servers_own_folder(path: str, tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    backend = FilesystemBackend(tmp_path / "backups", data)
    with pytest.raises(Invalid, match="elsewhere"):
        backend.folder("one", Location(path=str(data / path)))
    (tmp_path / "link").symlink_to(data)
    with pytest.raises(Invalid, match="elsewhere"):
        backend.folder("one", Location(path=str(tmp_path / "link")))
    backend.folder("one", Location(path=str(tmp_path / "data-two")))


def test_a_file_system_that_refuses(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(OperatorError, match="file"):
        FilesystemBackend(tmp_path / "file").folder("one", Location()).put("state", b"s")


@pytest.mark.skipif(os.name == "nt", reason="permissions are kept in another way there")
def test_others_cannot_read_it(tmp_path: Path) -> None:
    FilesystemBackend(tmp_path).folder("one", Location()).put("contents", b"the hashes of keys")
    assert (tmp_path / "one/contents").stat().st_mode & 0o077 == 0


def test_s3_that_refuses(s3_address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "tester")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    with pytest.raises(OperatorError, match="create the bucket"):
        S3Backend("nowhere", "", s3_address, use_ssl=False).folder("one", Location()).put("state", b"s")
    with pytest.raises(Invalid, match=r"no \. or \.\."):
        S3Backend(BUCKET, "a/../b", s3_address, use_ssl=False).folder("one", Location())
    with pytest.raises(Invalid, match="bucket"):
        S3Backend("", "", s3_address, use_ssl=False).folder("one", Location())


BAD_BUCKETS = ["..", "a/../b", "x y", "x\ny", "a", "a/b", "-ab", "b" * 300, "ab\0", "ä" * 4, "a..b", "http://host/b"]


@pytest.mark.parametrize("bucket", BAD_BUCKETS)
def test_what_is_no_bucket(s3_address: str, bucket: str) -> None:
    with pytest.raises(Invalid, match="not the name of a bucket"):
        S3Backend("mine", "", s3_address, use_ssl=False).folder("one", Location(bucket=bucket))


@pytest.mark.parametrize("path", ["a\nb", "a\0", "a" * 2000, "..", "."])
def test_what_is_no_path_within_a_bucket(s3_address: str, path: str) -> None:
    with pytest.raises(Invalid, match="a path within a bucket"):
        S3Backend("mine", "", s3_address, use_ssl=False).folder("one", Location(path=path))


def test_which_locations_in_s3_are_below_that_of_the_settings(s3_address: str) -> None:
    backend = S3Backend("mine", "own/path", s3_address, use_ssl=False)
    for held in (Location(), Location("mine"), Location("", "own/path/more"), Location("mine", "/own/path/")):
        assert backend.holds(held)
    for other in (Location("other"), Location("", "own"), Location("", "own/pathmore"), Location("", "x/own/path")):
        assert not backend.holds(other)
    with pytest.raises(Invalid):
        backend.holds(Location("", "own/path/../.."))


def test_a_panic_in_the_client_of_s3_is_an_error_of_the_store(s3_address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rust's panics are no exceptions to Python: no handler would see them, and no caller the reason."""
    from obstore.store import S3Store

    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "tester")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    store = S3Store("x y", endpoint=f"http://{s3_address}", client_options={"allow_http": True})
    with pytest.raises(BaseException) as panic:
        store.put("k", b"v")
    assert not isinstance(panic.value, Exception), "otherwise nothing is tested here"
    folder = S3Folder(store, "x y", "p")
    calls: list[Callable[[], object]] = [
        lambda: folder.put("k", b"v"),
        lambda: folder.get("k"),
        lambda: folder.get_range("k", 0, 1),
    ]
    for call in calls:
        with pytest.raises(OperatorError, match="the client of the object store failed"):
            call()
