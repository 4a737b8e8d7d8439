"""The folders that compiled code is read from and written to.

``NUMBA_CACHE_DIR`` alone if it is set. Otherwise the user's cache and the package's own folder: both are read, so what
``weft warm`` put into the package, as in a build step of an image, is found by every user. File names hold a digest of
the sources, so versions of Weft share a folder.

To load code is to run it. So a folder that another user owns or may write to is not used, unless it is that of the
package, whose Python files are trusted as much.
"""

from __future__ import annotations

import logging
import os
import stat
import sys
from functools import cache
from pathlib import Path

from weft.compiled.sources import ROOT

_log = logging.getLogger(__name__)
NUMBA_CACHE_DIR = "NUMBA_CACHE_DIR"
_NAME = "weft-kernels"
_PACKAGE = ROOT / "compiled" / "__pycache__" / _NAME
_MODE = 0o755
"""Whatever a server's umask is: users that share a folder share what was compiled."""
_only: list[Path] = []


@cache
def folders() -> tuple[Path, ...]:
    """In the order in which they are read; the first that can be written is written to."""
    if _only:
        return (_only[-1],)
    chosen = os.environ.get(NUMBA_CACHE_DIR)
    if chosen:
        return (Path(chosen) / _NAME,)
    user = _user_cache()
    return (_PACKAGE,) if user is None else (user / _NAME, _PACKAGE)


def trusted() -> list[Path]:
    """Those that may be read; they need not exist."""
    return [folder for folder in folders() if _is_trusted(folder)]


def make(folder: Path) -> None:
    """Raises OSError where it cannot be made, or cannot be trusted."""
    if not folder.is_dir():
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(_MODE)
    if not _is_trusted(folder):
        raise PermissionError(f"{folder} may be written by other users")


def _is_trusted(folder: Path) -> bool:
    if folder == _PACKAGE or sys.platform == "win32":
        return True
    try:
        itself, target = folder.lstat(), folder.stat()
    except OSError:
        return True  # there is nothing that could be read
    writable = target.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
    if not writable and {itself.st_uid, target.st_uid} <= {0, os.geteuid()}:
        return True
    _log_once(folder)
    return False


@cache
def _log_once(folder: Path) -> None:
    _log.warning("no kernels are loaded from %s: other users own it or may write to it", folder)


def for_every_user() -> None:
    """From now on the package's folder alone, if this user can write it and none is set."""
    if not os.environ.get(NUMBA_CACHE_DIR) and os.access(ROOT / "compiled", os.W_OK):
        folders.cache_clear()
        _only.append(_PACKAGE)


def _user_cache() -> Path | None:
    """None where the user has no home."""
    if sys.platform == "win32":
        named = os.environ.get("LOCALAPPDATA")
        return Path(named) if named else None
    named = os.environ.get("XDG_CACHE_HOME")
    try:
        home = Path.home()
    except RuntimeError:
        return Path(named) if named else None
    if sys.platform == "darwin":
        return home / "Library" / "Caches"
    return Path(named) if named else home / ".cache"


def advice() -> str:
    """What to do where none of them can be written."""
    where = " and ".join(map(str, folders()))
    return f"nothing can be kept in {where}; set {NUMBA_CACHE_DIR} to a folder that can"
