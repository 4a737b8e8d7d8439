"""What the machine refuses: what each code of the operating system means for a file, and what its operator can do."""

from __future__ import annotations

import errno
import os
from pathlib import Path

from weft.domain.errors import OperatorError, StorageFull

NO_SPACE = frozenset({errno.ENOSPC, errno.EFBIG, getattr(errno, "EDQUOT", errno.ENOSPC)})
"""EFBIG is a file size limit of the process (``ulimit -f``), EDQUOT a quota."""

EXPLAINED = {
    errno.EMFILE: "too many open files; raise the limit of this process (ulimit -n), or have fewer collections and "
    "tenants open (WEFT_MAX_OPEN_TENANTS)",
    errno.ENFILE: "the machine has too many open files; raise its limit (fs.file-max)",
    errno.ENOMEM: "there is not enough memory, or address space, for it; give the process more (ulimit -v, the limit "
    "of its container), or keep less in it",
    errno.EROFS: "its file system is mounted read-only; mount it for writing. A system does this by itself after a "
    "disk has failed, and says so in its log",
    errno.EIO: "the disk failed to read or write it; look into the system's log, and restore from a backup what "
    "cannot be read",
    errno.EACCES: "the system refused access to it; check the owner and the permissions of the data folder",
    errno.EPERM: "the system refused access to it; check the owner and the permissions of the data folder",
}
"""By code of the operating system: what is wrong with a file, and what to do."""


def failure(error: OSError | int, path: Path | str) -> OperatorError:
    """The error to raise when the operating system refuses to read or write ``path``."""
    code = error if isinstance(error, int) else (error.errno or 0)
    reason = os.strerror(code) if code else str(error)
    if code in NO_SPACE:
        return StorageFull(
            f"no space left to write {path} ({reason}); the change was not stored; free some space and send it again",
            path=str(path),
        )
    what = EXPLAINED.get(code, "the system refused access to it; check the disk and the permissions of the data folder")
    return OperatorError(f"{path}: {what} ({reason})", path=str(path))


def refusal(error: BaseException) -> OperatorError | None:
    """What the operator must change, where the machine refuses what a request needs; None for any other error."""
    if isinstance(error, MemoryError):
        return OperatorError("there is not enough memory for this request; ask for less at a time, or give it more")
    if isinstance(error, OSError) and error.errno in {*NO_SPACE, *EXPLAINED}:
        return failure(error, os.fsdecode(error.filename or "a file of the server"))
    return None
