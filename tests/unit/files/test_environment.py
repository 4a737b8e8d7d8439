"""The map grows while readers come and go, and LMDB's complaints become Weft's errors."""

import threading
from pathlib import Path

import pytest

from weft.domain.errors import CorruptData, OperatorError
from weft.files.environment import FIRST_MAP_BYTES, Environment

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
