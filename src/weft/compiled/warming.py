"""All kernels imported and compiled ahead of their use: the code that was kept is loaded, the rest compiled and kept.

``warm`` works once in a process; other threads that call it wait for the first. It never raises: a kernel that cannot
be compiled ahead is logged, and fails where it is used. Loading all takes part of a second, compiling all up to a
minute of CPU, once for each machine and version of Weft. Of several processes that find something missing one compiles;
the others wait for it and load what it kept. Call it in a thread of its own where Ctrl-C should end the process: while
a kernel is compiled, numba discards a KeyboardInterrupt that is raised in its thread (``wait_for``).
"""

from __future__ import annotations

import logging
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any, Final, NamedTuple

from weft.compiled import places, signatures, sources

_log = logging.getLogger(__name__)
_turn = threading.Lock()
_warm = False
_POLL_S: Final = 0.1
_REPORT_S: Final = 10.0
_PAUSE_S: Final = 0.01
"""After each kernel that is compiled: a request that waits for another kernel gets numba's lock then, which is not
fair."""


class Expected(NamedTuple):
    """A kernel and the types that it is called with."""

    name: str
    kernel: Any
    types: tuple[Any, ...]


def warm(stopped: Callable[[], bool] = lambda: False) -> int:
    """How many kernels had to be compiled. ``stopped`` is asked before each one, and while others are waited for; what
    is left then stays for another call."""
    global _warm
    while not _turn.acquire(timeout=_POLL_S):
        if stopped():
            return 0
    try:
        if _warm:
            return 0
        expected = [one for one in _expected() if not stopped()]
        missing = [one for one in expected if not stopped() and not _load(one)]
        if missing:
            with _alone(stopped):
                missing = [one for one in missing if not stopped() and not _load(one)]
                _compile_all(missing, stopped)
        if stopped():
            return 0
        _warm = True
        if not is_kept() and all(one.kernel._cache.holds(one.types, one.kernel.targetctx) for one in expected):
            _mark()
        return len(missing)
    finally:
        _turn.release()


def wait_for(thread: threading.Thread) -> None:
    """Until it ends. A signal does not wake a thread that waits when the system delivers it to another."""
    while thread.is_alive():
        thread.join(_POLL_S)


def is_kept() -> bool:
    """Whether a process compiled all of them and kept them; False also after a change of the sources."""
    return kept_in() is not None


def kept_in() -> Path | None:
    """The folder that all of them were kept in, or the last of them."""
    return next((folder for folder in places.trusted() if os.access(folder / _mark_name(), os.R_OK)), None)


def _mark() -> None:
    from weft.compiled.cache import remove_oldest, write

    if write(_mark_name(), b""):
        remove_oldest()


@cache
def _mark_name() -> str:
    """Of these sources and this processor. llvmlite alone is imported much faster than numba."""
    from llvmlite import binding  # type: ignore[import-untyped]

    processor = f"{binding.get_host_cpu_name()} {binding.get_host_cpu_features().flatten()}"
    return f"all-{sources.digest(sources.stamp_of_all(), processor)}"


def _expected() -> Iterator[Expected]:
    for name in sources.modules():
        import_module(name)
    from weft.compiled.kernel import declared

    kernels = declared()
    for name, text in signatures.expected():
        kernel = kernels.get(name)
        if kernel is None:
            _log.warning("%s names the kernel %s, which there is not", sources.SIGNATURES.name, name)
            continue
        yield Expected(name, kernel, signatures.parse(text, vars(sys.modules[kernel.py_func.__module__])))


def _load(one: Expected) -> bool:
    """Whether it is compiled now, without compiling it here."""
    if one.types in one.kernel.overloads:
        return True
    return one.kernel._cache.holds(one.types, one.kernel.targetctx) and _compile(one)


def _compile_all(missing: Sequence[Expected], stopped: Callable[[], bool]) -> None:
    if not missing:
        return
    _log.warning(  # a level that is visible in a script or a notebook, too, where first searches wait
        "compiling %d kernels for this machine, once: up to a minute of CPU; weft warm does it ahead", len(missing)
    )
    begun = reported = time.monotonic()
    for number, one in enumerate(missing):
        if stopped():
            return
        if time.monotonic() - reported > _REPORT_S:
            _log.info("compiled %d of %d kernels", number, len(missing))
            reported = time.monotonic()
        _compile(one)
        time.sleep(_PAUSE_S)
    _log.info("compiled %d kernels in %.1f s", len(missing), time.monotonic() - begun)


def _compile(one: Expected) -> bool:
    try:
        one.kernel.compile(one.types)
    except Exception:
        _log.warning("the kernel %s was not compiled ahead", one.name, exc_info=True)
        return False
    return True


@contextmanager
def _alone(stopped: Callable[[], bool]) -> Iterator[None]:
    """One process at a time, where there is a folder for a lock and the system has such locks; or ``stopped``."""
    lock = None if sys.platform == "win32" else _lock_file()
    if lock is None:
        yield
        return
    import fcntl

    reported = False
    try:
        while not stopped():
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if not reported:
                    _log.info("another process compiles the kernels for this machine; waiting for it")
                    reported = True
                time.sleep(_POLL_S)
            except OSError:  # a file system without locks
                break
            else:
                break
        yield
    finally:
        os.close(lock)


def _lock_file() -> int | None:
    """No one else can open it, and so keep this user waiting."""
    for folder in places.folders():
        with suppress(OSError):
            places.make(folder)
            return os.open(folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    return None
