"""Open files of the process: some are left for connections, imports and requests, whatever is opened to stay open."""

from __future__ import annotations

import errno
import os
import sys
from pathlib import Path

from weft.domain.machine import failure

_KEPT = 48
"""For what is opened for a moment, and for some connections."""


def require(count: int, path: Path) -> None:
    """Raises OperatorError when the process may not open ``count`` files more, of ``path``, and keep some to itself.

    The system gives a file the lowest number that is free, so one that was just opened shows how many are open.
    """
    if sys.platform == "win32":
        return
    import resource

    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    if limit == resource.RLIM_INFINITY:
        return
    try:
        lowest = os.open(os.devnull, os.O_RDONLY)
    except OSError as error:
        raise failure(error, path) from error
    os.close(lowest)
    if lowest + count + _KEPT > limit:
        raise failure(errno.EMFILE, path)
