"""Damage: the shards of one collection that cannot be served, while everything else is.

A shard whose files are not what was written stays closed and untouched until it is deleted or its files are put back.
One that the operating system cannot open (permissions, too many open files) is tried again at the next call for it.
"""

from __future__ import annotations

import logging
from pathlib import Path

from weft.domain.errors import CorruptData, OperatorError, WeftError
from weft.domain.machine import failure

_log = logging.getLogger(__name__)


class Damage:
    """Of the collection ``name``. The methods are called with the collection's lock held, except for ``of``."""

    def __init__(self, name: str, *, tenants: bool) -> None:
        self._name = name
        self._tenants = tenants
        self._found: dict[str, WeftError] = {}

    def of(self, shard: str) -> WeftError | None:
        """Why the shard is not served or not maintained; None when no damage is known."""
        return self._found.get(shard)

    def check(self, shard: str) -> None:
        """Raises CorruptData when the shard is known to be damaged."""
        if isinstance(found := self._found.get(shard), CorruptData):
            raise self._refusal(shard, found)

    def note(self, shard: str, folder: Path, error: Exception) -> WeftError:
        """Records what opening or maintaining the shard raised; returns the error for the caller."""
        found = _explained(error, folder)
        known = self._found.get(shard)
        if known is None or known.message != found.message:
            _log.error("%s is not served: %s", self._called(shard), found.message, exc_info=_unforeseen(error))
        self._found[shard] = found
        return self._refusal(shard, found) if isinstance(found, CorruptData) else found

    def forget(self, shard: str) -> None:
        """Called when the shard is gone, or was opened."""
        self._found.pop(shard, None)

    def _called(self, shard: str) -> str:
        return f"tenant '{shard}' of class {self._name}" if self._tenants else f"class {self._name}"

    def _refusal(self, shard: str, found: CorruptData) -> CorruptData:
        if self._tenants:
            way_out = (
                "delete the tenant and import its objects again, restore the class from a backup, or put the files "
                "back, make the tenant inactive and active again"
            )
        else:
            way_out = (
                "delete the class and restore it from a backup, or put the files back as they were and restart the "
                "server"
            )
        what = found.facts.get("what")
        said = f"{found.path}: {what}" if what else found.message
        return CorruptData(
            f"{self._called(shard)} is offline because its files are damaged: {said}; {way_out}", path=found.path
        )


def _explained(error: Exception, folder: Path) -> WeftError:
    if isinstance(error, WeftError):
        return error
    if isinstance(error, OSError):
        return failure(error, folder)
    if isinstance(error, MemoryError):
        return OperatorError(f"there is not enough memory to open {folder}")
    what = f"it cannot be opened ({type(error).__name__}: {error})"
    return CorruptData(f"{folder}: {what}", path=str(folder), what=what)


def _unforeseen(error: Exception) -> Exception | None:
    """The error, if its traceback belongs in the log."""
    return None if isinstance(error, WeftError | OSError | MemoryError) else error
