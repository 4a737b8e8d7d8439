"""What this machine has of memory, disk and cores, and how much of memory and disk is used.

Memory is what cannot be given back: pages that only cache files, mapped indexes among them, do not count. The limit is
the least of the machine's memory and the limits of the control groups (v1, v2) that the process is in; so it is with
cores. Measured on Linux; elsewhere memory is unknown, and all cores may be used.
"""

from __future__ import annotations

import ctypes
import math
import os
import shutil
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

_PROC, _CGROUPS = Path("/proc"), Path("/sys/fs/cgroup")
_UNLIMITED = 1 << 60
"""The kernel writes greater numbers where a group of version 1 has no limit."""
_COUNTED = ("RssAnon:", "RssShmem:", "VmSwap:")
_MEMORY, _CPU = "memory", "cpu"


class Used(NamedTuple):
    used: int
    total: int

    @property
    def percent(self) -> float:
        return 100 * self.used / self.total if self.total else 0.0


def disk(folder: Path) -> Used:
    """Bytes of the file system that holds ``folder``; ``total`` without what only root may use. Raises OSError."""
    found = shutil.disk_usage(folder)
    return Used(found.used, found.used + found.free)


def memory(others: Iterable[int] = ()) -> Used | None:
    """Bytes of this process and of ``others``, by process id; those that have ended count nothing. None: unknown."""
    own = process_memory(os.getpid())
    limit = memory_limit()
    if own is None or limit is None:
        return None
    return Used(own + sum(process_memory(pid) or 0 for pid in others), limit)


def process_memory(pid: int) -> int | None:
    """Bytes; None where there is no such process, or it is unknown."""
    try:
        lines = (_PROC / str(pid) / "status").read_text("ascii", "replace").splitlines()
    except OSError:
        return None
    found = [int(line.split()[1]) for line in lines if line.startswith(_COUNTED)]
    return sum(found) * 1024 if found else None


def memory_limit() -> int | None:
    """Bytes; None where it is unknown."""
    if not sys.platform.startswith("linux"):
        return None
    limits = [_machine_memory(), *_group_limits()]
    return min((limit for limit in limits if limit is not None and 0 < limit < _UNLIMITED), default=None)


def cores() -> int:
    """Those that this process may use at a time, at least one."""
    if not sys.platform.startswith("linux"):
        return os.cpu_count() or 1
    return max(1, math.floor(min(len(os.sched_getaffinity(0)), *_core_limits(), math.inf)))


def return_freed_memory() -> None:
    """Has glibc give back what was freed and is kept for later; elsewhere nothing happens."""
    if sys.platform.startswith("linux"):
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
        if trim is not None:
            trim(0)


def _machine_memory() -> int | None:
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (ValueError, OSError):
        return None


def _group_limits() -> list[int | None]:
    return [
        _number(folder / ("memory.max" if unified else "memory.limit_in_bytes")) for folder, unified in _groups(_MEMORY)
    ]


def _core_limits() -> Iterator[float]:
    """Cores, of each group that has a limit: the time that it may use in a period, by the period."""
    for folder, unified in _groups(_CPU):
        if unified:
            quota, _, period = _read(folder / "cpu.max").partition(" ")
        else:
            quota, period = _read(folder / "cpu.cfs_quota_us"), _read(folder / "cpu.cfs_period_us")
        if quota.isdecimal() and period.isdecimal() and int(period):
            yield int(quota) / int(period)


def _groups(controller: str) -> Iterator[tuple[Path, bool]]:
    """The folder of each group for ``controller`` that the process is in, up to the root, and whether it is of version
    2. Within a container the group's own folder is the root, so that the path that the kernel states may not be there.
    """
    for line in _read(_PROC / "self" / "cgroup").splitlines():
        _, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        if controllers == "" or controller in controllers.split(","):
            root = _CGROUPS / controller if controllers else _CGROUPS
            here = Path(path.strip("/"))
            yield from ((root / folder, not controllers) for folder in (here, *here.parents))


def _number(file: Path) -> int | None:
    text = _read(file)
    return int(text) if text.isdecimal() else None


def _read(file: Path) -> str:
    """ "" where there is no such file."""
    try:
        return file.read_text().strip()
    except OSError:
        return ""
