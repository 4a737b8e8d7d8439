"""What the machine has: memory of processes, its limits, the disk."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from weft.engine import machine

linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="memory is measured on Linux")


def test_a_share_is_in_percent() -> None:
    assert machine.Used(30, 40).percent == 75.0
    assert machine.Used(0, 0).percent == 0.0


def test_the_disk_of_a_folder(tmp_path: Path) -> None:
    found = machine.disk(tmp_path)
    assert 0 < found.used < found.total
    with pytest.raises(OSError):
        machine.disk(tmp_path / "absent")


@linux
def test_memory_that_is_used_counts_and_that_is_mapped_does_not(tmp_path: Path) -> None:
    before = machine.process_memory(os.getpid())
    assert before is not None
    held = np.ones(64 << 17)
    with (tmp_path / "file").open("wb") as file:
        file.write(bytes(64 << 20))
    mapped = np.memmap(tmp_path / "file", np.uint8, "r")
    assert int(mapped.sum()) == 0
    after = machine.process_memory(os.getpid())
    assert after is not None
    assert held.nbytes * 0.9 < after - before < held.nbytes * 1.5


@linux
def test_the_memory_of_other_processes_counts_while_they_live() -> None:
    alone = machine.memory()
    with subprocess.Popen(
        [sys.executable, "-c", "x = bytearray(100 << 20); print(); input()"], stdin=-1, stdout=-1
    ) as p:
        assert p.stdout is not None
        p.stdout.readline()
        both = machine.memory([p.pid])
        p.communicate(b"\n")
    assert alone is not None
    assert both is not None
    assert both.used - alone.used > 90 << 20
    assert both.total == alone.total
    assert machine.process_memory(p.pid) is None


@linux
@pytest.mark.parametrize(
    ("lines", "files", "limit"),
    [
        ("0::/a/b\n", {"a/memory.max": "1000", "a/b/memory.max": "max"}, 1000),
        ("0::/a/b\n", {"a/memory.max": "1000", "a/b/memory.max": "700"}, 700),
        ("0::/unseen/in/here\n", {"memory.max": "900"}, 900),
        ("4:memory:/a\n0::/\n", {"memory/a/memory.limit_in_bytes": "800"}, 800),
        ("4:cpu,memory:/a\n", {"memory/memory.limit_in_bytes": "600"}, 600),
    ],
)
def test_the_limit_is_the_least_of_the_groups(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lines: str, files: dict[str, str], limit: int
) -> None:
    _control_groups(tmp_path, monkeypatch, lines, files)
    assert machine.memory_limit() == limit


@linux
@pytest.mark.parametrize(
    ("lines", "files", "cores"),
    [
        ("0::/a/b\n", {"a/cpu.max": "300000 100000", "a/b/cpu.max": "max 100000"}, 3),
        ("0::/unseen\n", {"cpu.max": "50000 100000"}, 1),
        ("4:cpu,cpuacct:/a\n", {"cpu/a/cpu.cfs_quota_us": "250000", "cpu/a/cpu.cfs_period_us": "100000"}, 2),
        ("4:cpu:/\n", {"cpu/cpu.cfs_quota_us": "-1", "cpu/cpu.cfs_period_us": "100000"}, 6),
        ("", {}, 6),
    ],
)
def test_cores_are_those_that_a_group_may_use(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lines: str, files: dict[str, str], cores: int
) -> None:
    _control_groups(tmp_path, monkeypatch, lines, files)
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: set(range(6)))
    assert machine.cores() == cores


def _control_groups(folder: Path, patch: pytest.MonkeyPatch, lines: str, files: dict[str, str]) -> None:
    (folder / "self").mkdir()
    (folder / "self" / "cgroup").write_text(lines)
    for name, text in files.items():
        path = folder / "groups" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text + "\n")
    patch.setattr(machine, "_PROC", folder)
    patch.setattr(machine, "_CGROUPS", folder / "groups")


@linux
def test_without_limits_the_memory_is_the_machines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "_PROC", tmp_path)
    monkeypatch.setattr(machine, "_CGROUPS", tmp_path)
    assert machine.memory_limit() == os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
