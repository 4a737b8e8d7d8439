"""What a backup says of itself is what was written, or it is refused."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pytest

from weft.domain.errors import CorruptData, Unsupported
from weft.domain.jobs import JobStatus
from weft.jobs.backends.backend import Location
from weft.jobs.backends.filesystem import FilesystemBackend, FilesystemFolder
from weft.jobs.backup.descriptor import (
    CONTENTS,
    STATE,
    BackupContents,
    BackupState,
    StoredCollection,
    StoredFile,
    StoredShard,
    pack_manifest,
    read_contents,
    read_state,
    unpack_manifest,
    write_contents,
    write_state,
)
from weft.jobs.backup.pack import REF
from weft.jobs.backup.zstd import compress

WRITTEN = BackupState(
    "one", "server", JobStatus.SUCCESS, "2026-01-02T03:04:05.000Z", ("A", "B"), backups=("zero",), size_bytes=7
)


@pytest.fixture
def folder(tmp_path: Path) -> FilesystemFolder:
    return FilesystemBackend(tmp_path).folder("one", Location())


def test_the_state_comes_back(folder: FilesystemFolder) -> None:
    assert read_state(folder) is None
    write_state(folder, WRITTEN)
    assert read_state(folder) == WRITTEN


def test_a_state_that_was_changed(folder: FilesystemFolder) -> None:
    write_state(folder, WRITTEN)
    raw = folder.get(STATE)
    assert raw is not None
    for damaged in (raw[:-1], raw.replace(b'"A"', b'"C"'), b"", b"[]", b"{}", b'{"state": {}, "check": ""}'):
        folder.put(STATE, damaged)
        with pytest.raises(CorruptData, match=STATE):
            read_state(folder)


def test_a_backup_that_has_not_ended(folder: FilesystemFolder) -> None:
    """Its word in the file is that of the first version."""
    begun = replace(WRITTEN, status=JobStatus.WAITING)
    write_state(folder, begun)
    assert b'"status":"STARTED"' in (folder.get(STATE) or b"")
    assert read_state(folder) == begun


def test_a_newer_format_is_named(folder: FilesystemFolder) -> None:
    write_state(folder, replace(WRITTEN, format=2))
    with pytest.raises(Unsupported, match="format 2"):
        read_state(folder)
    newer = orjson.dumps({"check": "", "state": {"format": 3, "weft": "9.0", "unknown": 1}})
    folder.put(STATE, newer)
    with pytest.raises(Unsupported, match=r"9\.0"):
        read_state(folder)


def test_contents_come_back_whole_or_not(folder: FilesystemFolder) -> None:
    ref = np.zeros(1, REF)
    ref["offset"] = 2**40
    shards = [StoredShard("main", "ACTIVE", 12, ref, 7), StoredShard("cold", "INACTIVE", 0, None)]
    contents = BackupContents([StoredCollection("A", {"class": "A"}, ["Alias"], shards)], {"roles": "{}"})
    state = replace(WRITTEN, contents=write_contents(folder, contents))
    found = read_contents(folder, state)
    assert found.parts == contents.parts
    (one,) = found.collections
    assert (one.name, one.document, one.aliases) == ("A", {"class": "A"}, ["Alias"])
    assert [(s.name, s.status, s.size_bytes) for s in one.shards] == [("main", "ACTIVE", 12), ("cold", "INACTIVE", 0)]
    assert [shard.objects for shard in one.shards] == [7, None]
    assert one.shards[0].manifest is not None
    assert one.shards[0].manifest["offset"] == 2**40
    assert one.shards[1].manifest is None
    with pytest.raises(CorruptData, match=CONTENTS):
        read_contents(folder, replace(state, contents="0"))
    (folder.root / CONTENTS).unlink()
    with pytest.raises(CorruptData, match=CONTENTS):
        read_contents(folder, state)


@pytest.mark.parametrize("objects", [-1, "7", 1.5, True])
def test_a_number_of_objects_that_is_none(folder: FilesystemFolder, objects: Any) -> None:
    contents = BackupContents([StoredCollection("A", {}, [], [StoredShard("main", "ACTIVE", 0, None, objects)])])
    state = replace(WRITTEN, contents=write_contents(folder, contents))
    with pytest.raises(CorruptData, match=CONTENTS):
        read_contents(folder, state)


def test_manifests_come_back() -> None:
    refs = np.zeros(3, REF)
    refs["pack"] = [1, 2, 3]
    files = [StoredFile("store/objects.mdb", 9, 4, refs), StoredFile("index/vectors/6f/frozen-1.codes", 0, 4, refs[:0])]
    found = unpack_manifest(pack_manifest(files))
    assert [(f.path, f.size, f.chunk_bytes, len(f.refs)) for f in found] == [
        ("store/objects.mdb", 9, 4, 3),
        ("index/vectors/6f/frozen-1.codes", 0, 4, 0),
    ]
    assert found[0].refs["pack"].tolist() == [1, 2, 3]


@pytest.mark.parametrize(
    "path", ["/etc/passwd", "store/../../x", "../store/x", "other/x", "store/.hidden", "store/a\nb"]
)
def test_a_manifest_cannot_lead_out_of_the_folder(path: str) -> None:
    with pytest.raises(CorruptData):
        unpack_manifest(pack_manifest([StoredFile(path, 0, 4, np.zeros(0, REF))]))


BOMB = compress(b" " * (200 << 20) + b"{}", 19)
"""200 MB in a few kilobytes."""


def test_json_of_many_values_is_not_decoded(folder: FilesystemFolder) -> None:
    """Each of them takes far more memory than its three bytes."""
    rng = np.random.default_rng(5)
    noise = rng.bytes(1 << 20).hex().encode()
    document = b'{"parts": {}, "noise": "' + noise + b'", "collections": [' + b"[]," * (15 << 20) + b"[]]}"
    data = compress(document, 1)
    folder.put(CONTENTS, data)
    with pytest.raises(CorruptData, match=CONTENTS):
        read_contents(folder, replace(WRITTEN, contents=hashlib.sha256(data).hexdigest()))


def test_a_small_frame_does_not_unpack_to_much(folder: FilesystemFolder) -> None:
    assert len(BOMB) < 100_000
    folder.put(CONTENTS, BOMB)
    with pytest.raises(CorruptData, match=CONTENTS):
        read_contents(folder, replace(WRITTEN, contents=hashlib.sha256(BOMB).hexdigest()))
    with pytest.raises(CorruptData, match="cannot be read"):
        unpack_manifest(BOMB)


@pytest.mark.parametrize(
    "document",
    [
        b"[]",
        b"{}",
        b"null",
        b"not json",
        b'{"collections": 1, "parts": {}}',
        b'{"collections": [[]], "parts": {}}',
        b'{"collections": [{"name": "A", "document": {}, "aliases": [], "shards": [["x"]]}], "parts": {}}',
    ],
)
def test_what_is_no_description(folder: FilesystemFolder, document: bytes) -> None:
    data = compress(document, 3)
    folder.put(CONTENTS, data)
    with pytest.raises(CorruptData, match=CONTENTS):
        read_contents(folder, replace(WRITTEN, contents=hashlib.sha256(data).hexdigest()))
    with pytest.raises(CorruptData):
        unpack_manifest(data)
