"""What LMDB's errors mean: damage, a full disk, or what else the operator must change."""

from __future__ import annotations

import errno
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import lmdb

from weft.domain.errors import OperatorError, WeftError
from weft.domain.machine import EXPLAINED, NO_SPACE, failure
from weft.files import disk
from weft.files.format import damaged

_DAMAGE = (
    lmdb.CorruptedError, lmdb.PageNotFoundError, lmdb.InvalidError, lmdb.VersionMismatchError,
    lmdb.BadTxnError, lmdb.BadValsizeError, lmdb.IncompatibleError, lmdb.CursorFullError, lmdb.PageFullError,
)  # fmt: skip
"""What Weft's own calls never cause in a file that is whole."""


@contextmanager
def translated(path: Path) -> Iterator[None]:
    """Raises CorruptData, StorageFull or OperatorError in place of an error of LMDB or the system about ``path``."""
    try:
        yield
    except lmdb.Error as error:
        raise explained(error, path) from error
    except OSError as error:
        raise failure(error, path) from error


UNREADABLE = (lmdb.Error, struct.error, OverflowError, SystemError, ValueError)
"""What reading a table raises: LMDB, or what takes its keys and values apart, when they are not of the form that was
written."""


def explained(error: Exception, path: Path) -> WeftError:
    """CorruptData, StorageFull or OperatorError about the file ``path``, for one of ``UNREADABLE``."""
    if not isinstance(error, lmdb.Error):
        return damaged(path, f"an entry has another form than was written ({error})")
    code = getattr(error, "code", 0)
    if code == errno.EIO and disk.is_nearly_full(path):
        code = errno.ENOSPC  # LMDB treats a short write as a failing disk
    if code in NO_SPACE or code in EXPLAINED:
        return failure(code, path)
    if isinstance(error, _DAMAGE):
        return damaged(path, str(error))
    if isinstance(error, lmdb.PanicError):
        return OperatorError(f"an earlier failed write left {path} unusable; restart the server", path=str(path))
    if isinstance(error, lmdb.ReadersFullError):
        what = "is read by as many at a time as there can be; start with fewer processes (WEFT_WORKERS)"
        return OperatorError(f"{path} {what}", path=str(path))
    said = str(error).removeprefix(f"{path}: ")
    return OperatorError(f"{path}: {said}; check the disk and the permissions of the data folder", path=str(path))
