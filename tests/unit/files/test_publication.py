"""Two numbers say which state of some data its writer serves, to every process."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path

import pytest

from command import ENVIRON
from weft.files.publication import WITHDRAWN, Publication, Published, forget_shards_but, path_in


def test_a_follower_sees_what_is_announced_and_what_is_published(tmp_path: Path) -> None:
    writer = Publication(tmp_path / "published" / "it")
    follower = Published(tmp_path / "published" / "it")
    writer.announce(7)
    assert (follower.announced, follower.published) == (7, 0)
    assert not follower.wait(7, 0.0)
    writer.publish(7)
    assert follower.wait(7, 0.0)


def test_another_process_sees_it(tmp_path: Path) -> None:
    writer = Publication(tmp_path / "it")
    writer.announce(3)
    writer.publish(3)
    code = (
        "import sys; from pathlib import Path; from weft.files.publication import Published\n"
        f"one = Published(Path({str(tmp_path / 'it')!r})); print(one.announced, flush=True); input()\n"
        "print(one.wait(1 << 40, 30), one.published)"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], env=ENVIRON, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None and process.stdin is not None
        assert process.stdout.readline() == "3\n"
        process.stdin.write("\n")
        process.stdin.flush()
        writer.announce(1 << 40)
        writer.publish(1 << 40)
        assert process.stdout.read() == f"True {1 << 40}\n"


def test_numbers_are_kept_where_they_are_when_the_file_is_opened_again(tmp_path: Path) -> None:
    path = tmp_path / "it"
    Publication(path).publish(5)
    follower = Published(path)
    again = Publication(path)
    again.publish(6)
    assert follower.published == 6


def test_a_change_is_counted_and_ends_what_a_crash_has_left(tmp_path: Path) -> None:
    writer, follower = Publication(tmp_path / "it"), Published(tmp_path / "it")
    writer.announce(4)  # and crashes
    again = Publication(tmp_path / "it")
    with again.change():
        assert (follower.announced, follower.published) == (5, 0)
        with again.change():
            pass
        assert (follower.announced, follower.published) == (5, 0)
    assert (follower.announced, follower.published) == (5, 5)


def test_a_change_that_fails_ends_as_well(tmp_path: Path) -> None:
    writer, follower = Publication(tmp_path / "it"), Published(tmp_path / "it")
    with pytest.raises(OSError), writer.change():
        raise OSError
    assert follower.announced == follower.published == 1


def test_what_is_withdrawn_stays_so_until_it_is_opened_again(tmp_path: Path) -> None:
    writer, follower = Publication(tmp_path / "it"), Published(tmp_path / "it")
    writer.withdraw()
    writer.announce(8)
    writer.publish(8)
    assert follower.announced == WITHDRAWN
    assert not follower.wait(8, 0.0)
    again = Publication(tmp_path / "it")
    again.announce(9)
    assert follower.announced == 9


def test_waiting_ends_with_the_publication(tmp_path: Path) -> None:
    writer, follower = Publication(tmp_path / "it"), Published(tmp_path / "it")
    done: list[bool] = []
    waiting = threading.Thread(target=lambda: done.append(follower.wait(2, 60)))
    waiting.start()
    writer.announce(2)
    writer.publish(2)
    waiting.join()
    assert done == [True]


def test_without_a_file_nothing_is_followed(tmp_path: Path) -> None:
    writer = Publication()
    with writer.change():
        writer.announce(3)
    assert not list(tmp_path.iterdir())
    with pytest.raises(FileNotFoundError):
        Published(tmp_path / "it")


def test_publications_of_shards_that_are_gone_are_removed(tmp_path: Path) -> None:
    for name in ("catalog", "one-two", "one-three"):
        Publication(path_in(tmp_path, name))
    forget_shards_but(tmp_path, {"one-two"})
    assert {path.name for path in (tmp_path / "published").iterdir()} == {"catalog", "one-two"}
