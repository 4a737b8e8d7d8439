"""``weft backup`` and ``weft restore``, against a real server."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from weaviate.classes.config import Configure, DataType, Property

from command import Done, Weft, run
from server import Server


@pytest.fixture(scope="module")
def keeping(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("weft")
    with Server(folder / "data", {"BACKUP_FILESYSTEM_PATH": str(folder / "backups")}) as running:
        with running.client() as client:
            for name in ("Article", "Author"):
                made = client.collections.create(
                    name,
                    vector_config=Configure.Vectors.self_provided(),
                    properties=[Property(name="n", data_type=DataType.INT)],
                )
                made.data.insert_many([{"n": n} for n in range(100)])
        yield running


@pytest.fixture
def weft(keeping: Server, tmp_path: Path) -> Weft:
    def command(*arguments: str) -> Done:
        return run(*arguments, environ={"WEFT_PORT": str(keeping.rest_port)}, folder=tmp_path)

    return command


def count(server: Server, name: str) -> int:
    with server.client() as client:
        return len(client.collections.use(name))


def test_a_backup_and_back(weft: Weft, keeping: Server) -> None:
    done = weft("backup", "monday")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("backup monday: Article, Author, ")
    assert weft("backup", "tuesday", "--base", "monday", "--include", "Art*").returncode == 0
    lines = weft("backup").stdout.splitlines()
    assert [line.split()[:2] for line in lines[1:]] == [["tuesday", "SUCCESS"], ["monday", "SUCCESS"]]
    assert "monday" in lines[1]
    with keeping.client() as client:
        client.collections.delete_all()
    done = weft("restore", "tuesday")
    assert (done.returncode, done.stdout) == (0, "restored from tuesday: Article\n")
    assert weft("restore", "monday", "--exclude", "Article").returncode == 0
    assert count(keeping, "Article") == count(keeping, "Author") == 100


def test_another_place(weft: Weft, tmp_path: Path) -> None:
    assert weft("backup", "here", "--path", str(tmp_path / "elsewhere"), "--include", "Article").returncode == 0
    assert (tmp_path / "elsewhere/here/weft-backup.json").exists()
    assert "here" not in weft("backup").stdout
    assert weft("restore", "here").returncode == 1


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("restore", "nothing"), "'nothing' does not exist"),
        (("backup", "Upper Case"), "lower-case letters"),
        (("backup", "one", "--include", "Absent"), "class Absent does not exist"),
        (("backup", "one", "--backend", "gcs"), "BACKUP_S3_BUCKET"),
        (("backup", "one", "--base", "none"), "make a full backup"),
    ],
)
def test_what_cannot_be_done_is_reported(weft: Weft, arguments: tuple[str, ...], said: str) -> None:
    done = weft(*arguments)
    assert done.returncode == 1
    assert done.stderr.startswith("weft: ")
    assert said in done.stderr


def test_a_restore_over_what_exists(weft: Weft) -> None:
    assert weft("backup", "taken", "--include", "Article").returncode == 0
    done = weft("restore", "taken")
    assert done.returncode == 1
    assert "ended as FAILED" in done.stderr
    assert "already exists" in done.stderr
