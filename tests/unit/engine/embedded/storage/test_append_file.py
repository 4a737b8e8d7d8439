"""AppendFile: committed bytes come back, uncommitted ones do not, damage is found."""

import sys
from pathlib import Path

import numpy as np
import pytest

from weft.domain.errors import CorruptData
from weft.engine.embedded.storage.append_file import BLOCK_BYTES, AppendFile


def new(path: Path) -> AppendFile:
    return AppendFile(path, 0, (), 0, sync=False)


def reopen(file: AppendFile) -> AppendFile:
    file.close()
    return AppendFile(file.path, file.length, file.checksums, file.tail_checksum, sync=False)


def append(file: AppendFile, data: bytes) -> None:
    file.publish(file.stage(memoryview(data)))


def flip(path: Path, offset: int) -> None:
    data = bytearray(path.read_bytes())
    data[offset] ^= 1
    path.write_bytes(data)


@pytest.fixture
def data() -> bytes:
    return np.random.default_rng(7).bytes(2 * BLOCK_BYTES + 1000)


@pytest.mark.skipif(sys.platform != "linux", reason="other systems do not say what was advised")
def test_pages_around_those_that_are_needed_are_not_read(tmp_path: Path, data: bytes) -> None:
    file = new(tmp_path / "f")
    append(file, data)
    for opened in (file, reopen(file)):
        described = Path("/proc/self/smaps").read_text().partition(str(opened.path))[2]
        (flags, *_) = (line.split() for line in described.splitlines() if line.startswith("VmFlags"))
        assert "rr" in flags


def test_bytes_come_back_after_reopen(tmp_path: Path, data: bytes) -> None:
    file = new(tmp_path / "f")
    for start in range(0, len(data), 99_991):
        append(file, data[start : start + 99_991])
    assert file.view().tobytes() == data
    assert len(file.checksums) == 2
    again = reopen(file)
    assert again.view().tobytes() == data
    again.verify(full=True)
    append(again, b"more")
    assert again.view().tobytes() == data + b"more"
    again.close()
    assert (tmp_path / "f").stat().st_size == len(data) + 4


def test_a_block_filled_exactly_leaves_an_empty_tail(tmp_path: Path, data: bytes) -> None:
    file = new(tmp_path / "f")
    append(file, data[:BLOCK_BYTES])
    again = reopen(file)
    again.verify(full=True)
    append(again, data[BLOCK_BYTES : 2 * BLOCK_BYTES])
    third = reopen(again)
    third.verify(full=True)
    assert third.view().tobytes() == data[: 2 * BLOCK_BYTES]
    third.close()


def test_staged_bytes_do_not_count(tmp_path: Path) -> None:
    file = new(tmp_path / "f")
    append(file, b"kept")
    file.stage(memoryview(b"lost" * 1000))
    assert file.view().tobytes() == b"kept"
    append(file, b"next")
    assert file.view().tobytes() == b"keptnext"
    file.stage(memoryview(b"lost" * 1000))
    again = AppendFile(file.path, file.length, file.checksums, file.tail_checksum, sync=False)
    assert (tmp_path / "f").stat().st_size == 8
    assert again.view().tobytes() == b"keptnext"
    again.close()
    file.close()


def test_old_views_stay_valid_when_the_file_grows_closes_and_goes(tmp_path: Path, data: bytes) -> None:
    file = new(tmp_path / "f")
    append(file, data[:1000])
    view = file.view()
    append(file, data)
    assert view.tobytes() == data[:1000]
    file.remove()
    assert view.tobytes() == data[:1000]
    assert not (tmp_path / "f").exists()


def test_nothing_is_created_before_the_first_byte(tmp_path: Path) -> None:
    file = new(tmp_path / "f")
    assert file.view().size == 0
    file.verify(full=True)
    file.close()
    assert not (tmp_path / "f").exists()


def test_a_missing_or_short_file_is_refused(tmp_path: Path) -> None:
    file = new(tmp_path / "f")
    append(file, b"12345678")
    file.close()
    (tmp_path / "f").write_bytes(b"1234567")
    with pytest.raises(CorruptData, match="8 were committed") as caught:
        reopen(file)
    assert caught.value.path == str(tmp_path / "f")
    (tmp_path / "f").unlink()
    with pytest.raises(CorruptData, match="missing"):
        reopen(file)


def test_a_flipped_bit_in_the_tail_is_found_on_open(tmp_path: Path, data: bytes) -> None:
    file = new(tmp_path / "f")
    append(file, data)
    file.close()
    flip(tmp_path / "f", len(data) - 1)
    with pytest.raises(CorruptData, match="checksum"):
        reopen(file)


def test_a_flipped_bit_in_a_block_is_found_when_it_is_first_needed(tmp_path: Path, data: bytes) -> None:
    file = new(tmp_path / "f")
    append(file, data)
    file.close()
    flip(tmp_path / "f", BLOCK_BYTES + 5)
    again = reopen(file)
    again.verify(0, BLOCK_BYTES)
    with pytest.raises(CorruptData, match=f"bytes {BLOCK_BYTES} to"):
        again.verify(BLOCK_BYTES - 1, BLOCK_BYTES + 1)
    with pytest.raises(CorruptData):
        again.verify()
    again.close()


def test_full_verify_reads_again_what_was_whole_before(tmp_path: Path, data: bytes) -> None:
    file = new(tmp_path / "f")
    append(file, data)
    file.verify()
    for offset in (3, len(data) - 1):
        flip(tmp_path / "f", offset)
        file.verify()
        with pytest.raises(CorruptData):
            file.verify(full=True)
        flip(tmp_path / "f", offset)
    file.close()


def test_blocks_are_checked_some_at_a_time(tmp_path: Path, data: bytes) -> None:
    file = new(tmp_path / "f")
    append(file, data)
    assert file.verify_some(1), "what was just written is known to be whole"
    file.close()
    again = reopen(file)
    steps = 1
    while not again.verify_some(1):
        steps += 1
    assert steps == len(data) // BLOCK_BYTES
    flip(tmp_path / "f", 3)
    assert again.verify_some(1), "each block is read once"
    again.close()
    damaged = reopen(file)
    for _ in range(2):
        with pytest.raises(CorruptData, match="bytes 0 to"):
            damaged.verify_some(10 * BLOCK_BYTES)
    damaged.close()


def test_checksums_that_do_not_fit_the_length_are_refused(tmp_path: Path) -> None:
    with pytest.raises(CorruptData, match="checksums"):
        AppendFile(tmp_path / "f", 10, (1, 2), 0, sync=False)
