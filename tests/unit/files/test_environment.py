"""The map grows while readers come and go, and LMDB's complaints become Weft's errors."""

import io
import os
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from weft.domain.errors import CorruptData, OperatorError
from weft.files import meta_pages
from weft.files.environment import FIRST_MAP_BYTES, Environment
from weft.files.reader_table import MAX_READERS

TABLE = b"t"


def put(env: Environment, first: int, count: int, size: int) -> None:
    def body(txn: object) -> None:
        for i in range(first, first + count):
            txn.put(i.to_bytes(4, "big"), i.to_bytes(4, "big") * (size // 4), db=env.tables[TABLE])  # type: ignore[attr-defined]

    env.write(body)


def test_the_map_grows_beyond_its_first_size(tmp_path: Path) -> None:
    env = Environment(tmp_path / "e", [TABLE], sync=False)
    put(env, 0, 4000, 4096)
    assert env.size_bytes() > 8 * FIRST_MAP_BYTES
    assert env.read(lambda txn: env.entries(txn, TABLE)) == 4000
    env.close()
    env = Environment(tmp_path / "e", [TABLE], sync=False)
    assert env.read(lambda txn: env.entries(txn, TABLE)) == 4000
    put(env, 4000, 4000, 4096)
    env.close()


def test_readers_on_threads_never_see_the_map_move(tmp_path: Path) -> None:
    env = Environment(tmp_path / "e", [TABLE], sync=False)
    put(env, 0, 1, 4096)
    stop, failures, reads = threading.Event(), [], [0] * 4

    def reader(index: int) -> None:
        try:
            while not stop.is_set():
                value = env.read(
                    lambda txn: [txn.get(i.to_bytes(4, "big"), None, env.tables[TABLE]) for i in range(20)]
                )
                for i, found in enumerate(value):
                    assert found is None or found == i.to_bytes(4, "big") * 1024
                reads[index] += 1
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=reader, args=(i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    for first in range(0, 3000, 100):
        put(env, first, 100, 4096)
    stop.set()
    for thread in threads:
        thread.join()
    assert not failures
    assert all(reads)
    env.close()


def test_a_body_that_raises_changes_nothing(tmp_path: Path) -> None:
    env = Environment(tmp_path / "e", [TABLE], sync=False)

    def body(txn: object) -> None:
        txn.put(b"k", b"v", db=env.tables[TABLE])  # type: ignore[attr-defined]
        raise KeyError("stop")

    with pytest.raises(KeyError):
        env.write(body)
    assert env.read(lambda txn: txn.get(b"k", None, env.tables[TABLE])) is None
    env.close()


def test_opening_twice_in_one_process_is_refused(tmp_path: Path) -> None:
    env = Environment(tmp_path / "e", [TABLE], sync=False)
    with pytest.raises(OperatorError):
        Environment(tmp_path / "e", [TABLE], sync=False)
    env.close()


def test_a_file_that_is_not_lmdb_is_damaged(tmp_path: Path) -> None:
    (tmp_path / "e").write_bytes(b"not a database" * 1000)
    with pytest.raises(CorruptData) as caught:
        Environment(tmp_path / "e", [TABLE], sync=False)
    assert caught.value.path == str(tmp_path / "e")


def test_a_copy_holds_the_last_commit(tmp_path: Path) -> None:
    env = Environment(tmp_path / "e", [TABLE], sync=False)
    put(env, 0, 10, 100)
    env.copy_to(tmp_path / "copy")
    put(env, 10, 10, 100)
    copy = Environment(tmp_path / "copy", [TABLE], sync=False)
    assert copy.read(lambda txn: copy.entries(txn, TABLE)) == 10
    copy.close()
    with pytest.raises(OperatorError, match="exists"):
        env.copy_to(tmp_path / "copy")
    env.close()


def slow_reads(monkeypatch: pytest.MonkeyPatch, path: Path) -> tuple[threading.Event, threading.Event]:
    """The first read of ``path`` by a copy sets the first event, and waits for the second."""
    begun, go_on = threading.Event(), threading.Event()
    latest = meta_pages.latest

    class Slow(io.FileIO):
        def read(self, size: int | None = -1) -> bytes:
            begun.set()
            assert go_on.wait(20)
            return super().read(-1 if size is None else size) or b""

    opened = Path.open

    def open_slowly(self: Path, *args: Any, **kwargs: Any) -> Any:
        return Slow(self) if self == path and args == ("rb",) else opened(self, *args, **kwargs)

    def then_slow(*args: Any) -> meta_pages.Meta:
        found = latest(*args)
        monkeypatch.setattr(Path, "open", open_slowly)
        return found

    monkeypatch.setattr(meta_pages, "latest", then_slow)
    return begun, go_on


@contextmanager
def being_copied(env: Environment, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[OperatorError]]:
    """The block runs in the middle of a copy of ``e`` to ``copy`` in ``folder``; what it is given holds then how that
    failed."""
    begun, go_on = slow_reads(monkeypatch, folder / "e")
    failures: list[OperatorError] = []

    def copy() -> None:
        try:
            env.copy_to(folder / "copy")
        except OperatorError as error:
            failures.append(error)

    thread = threading.Thread(target=copy)
    thread.start()
    assert begun.wait(20)
    yield failures
    go_on.set()
    thread.join()


def test_commits_that_enlarge_the_map_and_reads_do_not_wait_for_a_copy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    env = Environment(tmp_path / "e", [TABLE], sync=False)
    put(env, 0, 1, 4096)
    with being_copied(env, tmp_path, monkeypatch) as failures:
        put(env, 1, 1000, 4096)
        assert env.size_bytes() > 2 * FIRST_MAP_BYTES
    assert not failures
    env.close()
    copy = Environment(tmp_path / "copy", [TABLE], sync=False, numbered=True)
    assert copy.read(lambda txn: copy.entries(txn, TABLE)) == 1001  # begun again, when the map had grown
    copy.close()


def test_a_copy_is_of_one_commit_whatever_is_committed_meanwhile(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    env = Environment(tmp_path / "e", [TABLE], sync=False)
    put(env, 0, 10, 4096)
    with being_copied(env, tmp_path, monkeypatch) as failures:
        for _ in range(4):
            env.write(
                lambda txn: [txn.put(i.to_bytes(4, "big"), b"new" * 900, db=env.tables[TABLE]) for i in range(10)]
            )
    assert not failures
    env.close()
    copy = Environment(tmp_path / "copy", [TABLE], sync=False, numbered=True)
    keys = [i.to_bytes(4, "big") for i in range(10)]
    assert copy.read(lambda txn: [txn.get(key, None, copy.tables[TABLE]) == key * 1024 for key in keys]) == [True] * 10
    put(copy, 100, 10, 4096)
    copy.close()
    Environment(tmp_path / "copy", [TABLE], sync=False, numbered=True).close()


def test_a_copy_fails_when_the_file_is_closed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    env = Environment(tmp_path / "e", [TABLE], sync=False)
    put(env, 0, 40, 4096)
    with being_copied(env, tmp_path, monkeypatch) as failures:
        env.close()
    assert len(failures) == 1


def test_a_commit_that_fails_does_not_wait_for_a_read(tmp_path: Path) -> None:
    env = Environment(tmp_path / "e", [TABLE], sync=False)
    inside, go_on = threading.Event(), threading.Event()

    def read(_: object) -> None:
        inside.set()
        assert go_on.wait(20)

    def fail(_: object) -> None:
        raise KeyError("stop")

    thread = threading.Thread(target=env.read, args=(read,))
    thread.start()
    assert inside.wait(20)
    with pytest.raises(KeyError):
        env.write(fail)
    go_on.set()
    thread.join()
    env.close()


def test_a_map_for_which_there_is_no_address_space_is_reported_and_costs_nothing_else(tmp_path: Path) -> None:
    script = """
import resource, sys
from pathlib import Path
from weft.domain.errors import OperatorError, StorageFull
from weft.files.environment import Environment
env = Environment(Path(sys.argv[1]), [b"t"], sync=False)
env.write(lambda txn: txn.put(b"a", b"1", db=env.tables[b"t"]))
used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + (3 << 20), resource.RLIM_INFINITY))
try:
    for i in range(100):
        env.write(lambda txn: txn.put(b"big%d" % i, bytes(200_000), db=env.tables[b"t"]))
    raise SystemExit("it was stored")
except OperatorError as error:
    assert "not enough memory, or address space" in error.message, error.message
resource.setrlimit(resource.RLIMIT_AS, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
env.write(lambda txn: txn.put(b"b", bytes(4_000_000), db=env.tables[b"t"]))
assert env.read(lambda txn: txn.get(b"a", None, env.tables[b"t"])) == b"1"
"""
    subprocess.run([sys.executable, "-c", script, str(tmp_path / "e")], check=True)


def flipped(path: Path, offset: int, bit: int) -> None:
    data = bytearray(path.read_bytes())
    data[offset] ^= 1 << bit
    path.write_bytes(data)


@pytest.mark.parametrize("commits", [1, 2, 3, 4])
@pytest.mark.parametrize("page", [0, 1])
def test_no_bit_of_a_commit_s_number_can_change_unnoticed(tmp_path: Path, commits: int, page: int) -> None:
    env = Environment(tmp_path / "e", [TABLE], sync=False)
    for i in range(commits):
        put(env, i, 1, 100)
    newest = env.version
    env.close()
    whole = (tmp_path / "e").read_bytes()
    for bit in range(64):
        if page == newest & 1 and bit == 1 and newest & 2:
            continue  # as a commit leaves it that failed last of all, when its meta page was written
        (tmp_path / "e").write_bytes(whole)
        flipped(tmp_path / "e", page * 4096 + 144 + bit // 8, bit % 8)
        with pytest.raises(CorruptData):
            Environment(tmp_path / "e", [TABLE], sync=False, numbered=True)


def test_the_root_of_an_older_commit_is_noticed(tmp_path: Path) -> None:
    env = Environment(tmp_path / "e", [TABLE], sync=False)
    put(env, 0, 1, 100)
    put(env, 1, 1, 100)
    newest = env.version
    env.close()
    data = bytearray((tmp_path / "e").read_bytes())
    here, other = (newest & 1) * 4096, (1 - (newest & 1)) * 4096
    data[here + 40 : here + 136] = data[other + 40 : other + 136]
    (tmp_path / "e").write_bytes(data)
    with pytest.raises(CorruptData, match=f"its commit {newest} has the pages of commit {newest - 1}"):
        Environment(tmp_path / "e", [TABLE], sync=False, numbered=True)
    Environment(tmp_path / "e", [TABLE], sync=False).close()  # as earlier versions wrote it


def test_the_table_of_readers_has_its_blocks_before_it_is_mapped(tmp_path: Path) -> None:
    (tmp_path / "e-lock").touch()
    os.truncate(tmp_path / "e-lock", 32_896)  # as LMDB leaves it: a hole
    env = Environment(tmp_path / "e", [TABLE], sync=False)
    found = (tmp_path / "e-lock").stat()
    assert found.st_blocks * 512 >= found.st_size >= 32_896
    env.close()


def test_an_entry_of_another_form_is_damage(tmp_path: Path) -> None:
    env = Environment(tmp_path / "e", [TABLE], sync=False)
    put(env, 0, 1, 100)
    with pytest.raises(CorruptData, match="another form than was written"):
        env.read(lambda txn: struct.unpack("<Q", txn.get((0).to_bytes(4, "big"), None, env.tables[TABLE])))
    env.close()


def test_more_threads_read_at_once_than_lmdb_has_places(tmp_path: Path) -> None:
    env = Environment(tmp_path / "e", [TABLE], sync=False)
    put(env, 0, 1, 100)
    failures: list[BaseException] = []

    def read() -> None:
        try:
            env.read(lambda txn: time.sleep(0.02))
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=read) for _ in range(2 * MAX_READERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
    env.close()
