"""An LMDB file that another process writes, read as it was at one commit."""

from __future__ import annotations

import gc
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import pytest

from command import ENVIRON
from weft.domain.errors import OperatorError
from weft.files import followed_environment
from weft.files.environment import Environment
from weft.files.followed_environment import EnvironmentSnapshot, FollowedEnvironment

_TABLE = b"table"
_WRITER = """
import sys
from pathlib import Path
from weft.files.environment import Environment
env = Environment(Path(sys.argv[1]), [b"table"], sync=False)
print(env.version, flush=True)
for line in sys.stdin:
    key, value, times = line.split()
    env.write(lambda txn: txn.put(key.encode(), value.encode() * int(times), db=env.tables[b"table"]))
    env.forget_dead_readers()
    print(env.version, env.has_followers(), flush=True)
"""


class Writer:
    """A process that writes the file at ``path``."""

    def __init__(self, path: Path) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", _WRITER, str(path)],
            env=ENVIRON,
            text=True,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        self._line()

    def put(self, key: str, value: str, times: int = 1) -> tuple[int, bool]:
        """The number of the commit, and whether the writer knows of others that read."""
        found: IO[str] | None = self.process.stdin
        assert found is not None
        found.write(f"{key} {value} {times}\n")
        found.flush()
        version, followed = self._line().split()
        return int(version), followed == "True"

    def _line(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline()


@pytest.fixture
def writer(tmp_path: Path) -> Iterator[Writer]:
    made = Writer(tmp_path / "it.mdb")
    yield made
    made.process.communicate()


def _value(snapshot: EnvironmentSnapshot, key: bytes) -> bytes | None:
    def body(txn: object) -> bytes | None:
        found: bytes | None = txn.get(key, None, snapshot.tables[_TABLE])  # type: ignore[attr-defined]  # lmdb has none
        return found

    return snapshot.read(body)


def test_a_snapshot_is_one_commit(tmp_path: Path, writer: Writer) -> None:
    first, _ = writer.put("a", "x")
    followed = FollowedEnvironment(tmp_path / "it.mdb", [_TABLE])
    before = followed.begin()
    second, known = writer.put("a", "y")
    after = followed.begin()
    assert (before.version, after.version) == (first, second)
    assert (_value(before, b"a"), _value(after, b"a")) == (b"x", b"y")
    assert known, "the writer knows that it is followed"


_READER = """
import sys
from pathlib import Path
from weft.files.followed_environment import FollowedEnvironment
held = FollowedEnvironment(Path(sys.argv[1]), [b"table"]).begin()
print(held.version, flush=True)
input()
"""


def _killed_reader(path: Path, writer: Writer) -> int:
    """The id of a process that was killed while it read."""
    with subprocess.Popen(
        [sys.executable, "-c", _READER, str(path)],
        env=ENVIRON,
        text=True,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as reader:
        assert reader.stdout is not None and reader.stdout.readline()
        assert writer.put("a", "y")[1]
        reader.kill()
    return reader.pid


def test_a_reader_that_was_killed_is_forgotten(tmp_path: Path, writer: Writer) -> None:
    writer.put("a", "x")
    _killed_reader(tmp_path / "it.mdb", writer)
    assert not writer.put("a", "z")[1]


def test_a_reader_that_was_killed_is_forgotten_by_the_one_that_replaces_it(tmp_path: Path, writer: Writer) -> None:
    """The catalog's writer does not look for them, and there is room for so many."""
    writer.put("a", "x")
    killed = _killed_reader(tmp_path / "it.mdb", writer)
    followed = FollowedEnvironment(tmp_path / "it.mdb", [_TABLE])
    assert str(killed) not in followed._env.readers().split()
    assert _value(followed.begin(), b"a") == b"y"


def test_a_file_that_has_grown_far_is_read(tmp_path: Path, writer: Writer) -> None:
    writer.put("a", "x")
    followed = FollowedEnvironment(tmp_path / "it.mdb", [_TABLE])
    for n in range(8):
        writer.put(f"big{n}", "y", 4_000_000)
    assert _value(followed.begin(), b"big7") == b"y" * 4_000_000


def test_a_file_that_has_grown_beyond_its_map_is_opened_again(
    tmp_path: Path, writer: Writer, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer.put("a", "x")
    monkeypatch.setattr(followed_environment, "_LEAST_MAP_BYTES", 1 << 20)
    followed = FollowedEnvironment(tmp_path / "it.mdb", [_TABLE])
    writer.put("big", "y", 4_000_000)
    with pytest.raises(OperatorError, match="has grown"):
        followed.begin()
    assert followed.outgrown
    del followed
    gc.collect()
    assert _value(FollowedEnvironment(tmp_path / "it.mdb", [_TABLE]).begin(), b"big") == b"y" * 4_000_000


def test_what_is_not_there_cannot_be_followed(tmp_path: Path) -> None:
    with pytest.raises(OperatorError):
        FollowedEnvironment(tmp_path / "none.mdb", [_TABLE])


def test_it_can_be_opened_again_once_no_snapshot_is_left(tmp_path: Path, writer: Writer) -> None:
    writer.put("a", "x")
    followed = FollowedEnvironment(tmp_path / "it.mdb", [_TABLE])
    snapshot = followed.begin()
    with pytest.raises(OperatorError, match="already open"):
        FollowedEnvironment(tmp_path / "it.mdb", [_TABLE])
    del followed, snapshot
    gc.collect()
    assert _value(FollowedEnvironment(tmp_path / "it.mdb", [_TABLE]).begin(), b"a") == b"x"


def test_the_number_of_a_commit_grows_with_each(tmp_path: Path) -> None:
    env = Environment(tmp_path / "own.mdb", [_TABLE], sync=False)
    before = env.version
    env.write(lambda txn: txn.put(b"a", b"x", db=env.tables[_TABLE]))
    assert env.version == before + 1
    assert not env.has_followers()
    env.close()


_MANY = """
import sys
from pathlib import Path
from weft.files.followed_environment import FollowedEnvironment
env = FollowedEnvironment(Path(sys.argv[1]), [b"table"])
held = []
try:
    while True:
        held.append(env.begin())
except Exception as error:
    print(len(held), error, flush=True)
for line in sys.stdin:
    held.clear()
    print("released", flush=True)
"""


@pytest.mark.parametrize("killed", [False, True])
def test_a_writer_reads_again_when_others_have_given_up_the_places_of_readers(tmp_path: Path, killed: bool) -> None:
    path = tmp_path / "it.mdb"
    env = Environment(path, [_TABLE], sync=False)
    env.write(lambda txn: txn.put(b"a", b"x", db=env.tables[_TABLE]))
    with subprocess.Popen(
        [sys.executable, "-c", _MANY, str(path)], env=ENVIRON, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as reader:
        assert reader.stdout is not None and reader.stdin is not None
        number, said = reader.stdout.readline().split(" ", 1)
        assert int(number) > 200 and "fewer processes (WEFT_WORKERS)" in said
        releasing = threading.Timer(0.1, reader.kill if killed else lambda: print(file=reader.stdin, flush=True))
        releasing.start()
        assert env.read(lambda txn: txn.get(b"a", db=env.tables[_TABLE])) == b"x", "it waited"
        releasing.join()
        reader.stdin.close()
    env.close()
