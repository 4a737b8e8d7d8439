"""Which backends a server has, and which ids backups may have."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from weft.domain.errors import Invalid, Misconfigured
from weft.service.archives.locations import backup_backends, checked_id, export_backends, is_id
from weft.settings.archives import BackupSettings, ExportSettings


def test_ids() -> None:
    assert all(map(is_id, ("a", "0_-", "x" * 128)))
    for bad in ("", "A", "a b", "../a", "a/b", "x" * 129, "a\n", "ü"):
        assert not is_id(bad)
        with pytest.raises(Invalid):
            checked_id(bad, "backup")


def test_backends_that_the_settings_turn_on(tmp_path: Path) -> None:
    backups = BackupSettings(filesystem_path=str(tmp_path / "backups"))
    assert backup_backends(BackupSettings(), tmp_path / "data") == {}
    assert list(backup_backends(backups, tmp_path / "data")) == ["filesystem"]
    assert export_backends(ExportSettings(default_path="x"), backups) == {}
    assert list(export_backends(ExportSettings(enabled=True, default_path="x"), backups)) == ["filesystem"]


def test_s3_without_its_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "obstore", None)
    with pytest.raises(Misconfigured, match=r"weft\[s3\]"):
        backup_backends(BackupSettings(s3_bucket="b"), Path("data"))


PLUGIN = """
from pathlib import Path
from weft.jobs.backends.filesystem import FilesystemBackend

class Tape(FilesystemBackend):
    name = "tape"
    module = "backup-tape"

def tape(environ):
    return Tape(Path(environ["TAPE_PATH"])) if "TAPE_PATH" in environ else None

def other(environ):
    return FilesystemBackend(Path("/"))
"""


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Makes the package ``weft_tape`` importable, with a function of it as the backend ``tape``."""

    def add(function: str) -> None:
        info = tmp_path / "plugin" / "weft_tape-1.5.dist-info"
        info.mkdir(parents=True)
        (tmp_path / "plugin" / "weft_tape.py").write_text(PLUGIN, encoding="utf-8")
        (info / "METADATA").write_text("Metadata-Version: 2.1\nName: weft_tape\nVersion: 1.5\n", encoding="utf-8")
        entry = f"[weft.backup_backends]\ntape = weft_tape:{function}\n"
        (info / "entry_points.txt").write_text(entry, encoding="utf-8")
        monkeypatch.syspath_prepend(str(tmp_path / "plugin"))
        monkeypatch.delitem(sys.modules, "weft_tape", raising=False)

    return add


def test_a_backend_of_another_package(install: Callable[[str], None], tmp_path: Path) -> None:
    install("tape")
    assert backup_backends(BackupSettings(), tmp_path / "data", {}) == {}
    (backend,) = backup_backends(BackupSettings(), tmp_path / "data", {"TAPE_PATH": str(tmp_path)}).values()
    assert (backend.name, backend.ids()) == ("tape", ["plugin"])


def test_a_plugin_that_is_no_such_backend(install: Callable[[str], None]) -> None:
    install("other")
    with pytest.raises(Misconfigured, match=r"tape of the package weft_tape 1\.5 does not make a backend of that name"):
        backup_backends(BackupSettings(), Path("data"), {})
