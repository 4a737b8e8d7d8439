"""Files under a second name: hard links, which take no space, or copies if the file system has no links.

A store must never open a linked file while the original is in use, because both names refer to the same bytes.
"""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Callable
from pathlib import Path

from weft.domain.machine import failure

_NO_LINKS = frozenset({errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.EXDEV, errno.EMLINK, errno.ENOSYS})


def link(source: Path, target: Path) -> int:
    """Links the new ``target`` to ``source``; returns its size in bytes. Raises FileNotFoundError."""
    try:
        os.link(source, target)
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        return copy(source, target)
    return target.stat().st_size


def copy(source: Path, target: Path) -> int:
    """A copy that is not synced. Raises FileNotFoundError, StorageFull."""
    try:
        shutil.copyfile(source, target)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise failure(error, target) from error
    return target.stat().st_size


def take_folder(
    source: Path, target: Path, *, copied: Callable[[str], bool] = lambda name: False, skip_missing: bool = False
) -> dict[str, int]:
    """Links or copies all files below ``source`` to ``target``; returns sizes in bytes by relative path, with ``/``.

    Files for whose name ``copied`` is true are copied, others linked. Locks, temporary files and
    what a repair set aside are left out.
    ``skip_missing``: a file that disappears meanwhile is left out, too.
    """
    sizes: dict[str, int] = {}
    for folder, _, names in os.walk(source):
        below = Path(folder).relative_to(source)
        for name in sorted(names):
            if name.endswith(("-lock", ".tmp", ".part", ".damaged")):
                continue
            (target / below).mkdir(parents=True, exist_ok=True)
            take = copy if copied(name) else link
            try:
                sizes[(below / name).as_posix()] = take(Path(folder) / name, target / below / name)
            except FileNotFoundError:
                if not skip_missing:
                    raise
    return sizes
