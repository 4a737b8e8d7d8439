import hashlib
from pathlib import Path

import pytest

from weft.domain.errors import CorruptData
from weft.storage import BlobStore


def test_a_blob_is_kept_once_and_comes_back(tmp_path: Path) -> None:
    blobs = BlobStore(tmp_path / "blobs")
    data = b"media" * 1000
    digest = blobs.put(data)
    assert digest == hashlib.sha256(data).digest()
    assert blobs.put(data) == digest
    assert blobs.get(digest) == data
    assert digest in blobs and bytes(32) not in blobs
    assert blobs.size_bytes() == len(data)
    assert BlobStore(tmp_path / "blobs").get(digest) == data
    assert blobs.get(blobs.put(b"")) == b""


def test_damage_and_loss_are_reported(tmp_path: Path) -> None:
    blobs = BlobStore(tmp_path, sync=False)
    digest = blobs.put(b"abc")
    (path,) = tmp_path.glob("*/*")
    path.write_bytes(b"abd")
    with pytest.raises(CorruptData) as caught:
        blobs.get(digest)
    assert caught.value.path == str(path)
    with pytest.raises(CorruptData):
        blobs.verify()
    path.write_bytes(b"ab")
    assert blobs.put(b"abc") == digest
    blobs.verify()
    path.unlink()
    with pytest.raises(CorruptData, match="missing"):
        blobs.get(digest)


def test_a_sweep_spares_the_live_and_the_fresh(tmp_path: Path) -> None:
    blobs = BlobStore(tmp_path, sync=False)
    live, dead, again = blobs.put(b"live"), blobs.put(b"dead"), blobs.put(b"again")
    blobs.begin_sweep()
    blobs.put(b"again")
    fresh = blobs.put(b"fresh")
    assert blobs.finish_sweep({live}) == 4
    assert [d in blobs for d in (live, dead, again, fresh)] == [True, False, True, True]


def test_what_a_crash_left_half_written_is_removed_at_open(tmp_path: Path) -> None:
    BlobStore(tmp_path).put(b"x")
    (path,) = tmp_path.glob("*/*")
    staged = path.with_name("0" * 62 + ".tmp")
    staged.write_bytes(b"half")
    blobs = BlobStore(tmp_path)
    assert not staged.exists()
    assert blobs.size_bytes() == 1
