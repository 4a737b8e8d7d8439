"""Chunks in packs: stored once, found again, and never passed on when they are damaged."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pytest

from weft.domain.errors import CorruptData
from weft.jobs.backends.backend import Location
from weft.jobs.backends.filesystem import FilesystemBackend, FilesystemFolder
from weft.jobs.backup import pack
from weft.jobs.backup.pack import PackReader, PackWriter, Refs, file_chunks

SEED = 7


@pytest.fixture
def folder(tmp_path: Path) -> FilesystemFolder:
    return FilesystemBackend(tmp_path).folder("own", Location())


def chunks_of(seed: int, count: int) -> list[bytes]:
    """Some that compress and some that do not, of many sizes."""
    rng = random.Random(seed)
    return [
        rng.randbytes(rng.randrange(1, 5000))
        if rng.random() < 0.5
        else bytes([rng.randrange(256)]) * rng.randrange(5000)
        for _ in range(count)
    ]


def store(folder: FilesystemFolder, chunks: list[bytes], base: Refs | None = None, level: int = 3) -> tuple[Refs, int]:
    writer = PackWriter(folder, level, threads=2)
    done: list[int] = []
    refs = writer.add(chunks, base, done.append)
    writer.flush()
    writer.close()
    assert sum(done) == sum(map(len, chunks))
    return refs, writer.stored_bytes


@pytest.mark.parametrize("level", [0, 1, 12])
def test_chunks_come_back(folder: FilesystemFolder, level: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pack, "PACK_BYTES", 20_000)
    monkeypatch.setattr(pack, "_READ_BYTES", 7_000)
    chunks = chunks_of(SEED, 200)
    refs, stored = store(folder, chunks, level=level)
    assert list(PackReader([folder], ["own"]).chunks(refs)) == chunks
    assert len(list(folder.root.glob("packs/*"))) > 3
    assert stored <= sum(map(len, chunks))
    some = refs[random.Random(SEED).sample(range(200), 50)]
    assert len(list(PackReader([folder], ["own"]).chunks(some))) == 50


def test_what_the_base_has_is_not_stored_again(tmp_path: Path) -> None:
    backend = FilesystemBackend(tmp_path)
    old, new = backend.folder("old", Location()), backend.folder("new", Location())
    chunks = chunks_of(SEED, 50)
    base, _ = store(old, chunks)
    base["backup"] += 1
    changed = [*chunks[:10], b"changed", *chunks[11:], b"grown"]
    refs, stored = store(new, changed, base)
    assert stored == len(b"changed") + len(b"grown")
    assert refs["backup"].tolist() == [1] * 10 + [0] + [1] * 39 + [0]
    assert list(PackReader([new, old], ["new", "old"]).chunks(refs)) == changed


@pytest.mark.parametrize("harm", ["cut", "flip", "remove"])
def test_damage_is_noticed_and_named(folder: FilesystemFolder, harm: str) -> None:
    refs, _ = store(folder, chunks_of(SEED, 20))
    path = folder.root / "packs/000000"
    data = bytearray(path.read_bytes())
    if harm == "remove":
        path.unlink()
    else:
        data[len(data) // 2] ^= 1
        path.write_bytes(data[: len(data) // 2] if harm == "cut" else data)
    with pytest.raises(CorruptData, match="packs/000000"):
        list(PackReader([folder], ["own"]).chunks(refs))


def test_a_chunk_holds_what_its_entry_says(folder: FilesystemFolder) -> None:
    """And no more is unpacked than that."""
    refs, _ = store(folder, [b"x" * (15 << 20)])
    assert len(b"".join(PackReader([folder], ["own"]).chunks(refs))) == 15 << 20
    for size in (1 << 10, (15 << 20) - 1, 100 << 20, (1 << 30) + 1):
        wrong = refs.copy()
        wrong["size"] = size
        with pytest.raises(CorruptData, match="is damaged"):
            list(PackReader([folder], ["own"]).chunks(wrong))


def test_a_backup_that_is_not_known(folder: FilesystemFolder) -> None:
    refs, _ = store(folder, [b"x"])
    refs["backup"] = 3
    with pytest.raises(CorruptData, match="an unknown backup"):
        list(PackReader([folder], ["own"]).chunks(refs))


def test_no_chunks_at_all(folder: FilesystemFolder) -> None:
    refs, stored = store(folder, [])
    assert (len(refs), stored) == (0, 0)
    assert list(PackReader([folder], ["own"]).chunks(refs)) == []
    assert refs.dtype.itemsize == 54
    assert np.frombuffer(refs.tobytes(), pack.REF).shape == (0,)


def test_files_are_read_as_far_as_they_go(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(bytes(range(100)))
    assert [len(c) for c in file_chunks(tmp_path / "file", 90, 40)] == [40, 40, 10]
    assert b"".join(file_chunks(tmp_path / "file", 500, 64)) == bytes(range(100))
