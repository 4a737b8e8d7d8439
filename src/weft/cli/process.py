"""Preparation of a server's process. Before it opens anything: files that it creates are for its user alone, the limit
of open files is raised, and freed memory is returned to the system. Once it serves: what it has loaded is left out of
garbage collections.
"""

from __future__ import annotations

import ctypes
import gc
import os
import sys

_NOT_FOR_OTHERS = 0o077
_OPEN_FILES = 1 << 20
_OPEN_FILES_OF_DARWIN = 10_240
"""Darwin refuses more, whatever its hard limit says."""

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3
"""Parameters of glibc's mallopt(3)."""

_COLLECT_AFTER = 10_000
"""New objects after which garbage is sought: an import of some hundred objects makes several thousand, and keeps all of
them until it is stored."""


def prepare() -> None:
    os.umask(os.umask(_NOT_FOR_OTHERS) | _NOT_FOR_OTHERS)
    _raise_open_files()
    _return_freed_memory()


def settle() -> None:
    """Called once everything is loaded, which then is never looked at again.

    Modules, classes and compiled functions are half a million objects. A full collection visits all of them while all
    threads wait, and an import of some thousand objects causes one.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(_COLLECT_AFTER, *gc.get_threshold()[1:])


def _raise_open_files() -> None:
    """From the soft limit, often 1,024, to the hard one."""
    try:
        import resource
    except ImportError:  # Windows
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = _OPEN_FILES_OF_DARWIN if sys.platform == "darwin" else _OPEN_FILES
    wanted = most if hard == resource.RLIM_INFINITY else min(hard, most)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def _return_freed_memory() -> None:
    """Each open LMDB file has 2 MiB of working space, which it hardly touches. glibc zeroes, and so commits, such a
    block if it comes from its heap, which it does once one was freed, unless its thresholds are fixed."""
    if not sys.platform.startswith("linux"):
        return
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:  # musl lacks it, and maps large blocks anyway
        mallopt(_MMAP_THRESHOLD, 1 << 20)
        mallopt(_TRIM_THRESHOLD, 64 << 20)
