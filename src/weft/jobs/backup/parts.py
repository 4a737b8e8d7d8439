"""BackupPart: data of other rooms that is backed up besides collections: roles, users."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

ROLES, USERS = "roles", "users"


class BackupPart(Protocol):
    def names(self) -> Sequence[str]:
        """The names that can be requested one by one."""

    def dump(self, names: Sequence[str] | None) -> str:
        """Those of ``names``, or all, as text for ``load``."""

    def load(self, text: str) -> Callable[[], None]:
        """Restores what ``dump`` wrote, all or nothing; everything else stays as it is.

        Returns a function that undoes it.
        """
