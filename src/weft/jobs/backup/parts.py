"""What is backed up beside collections, by whichever room has it: roles, users."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

ROLES, USERS = "roles", "users"


class BackupPart(Protocol):
    def names(self) -> Sequence[str]:
        """What can be asked for one by one."""

    def dump(self, names: Sequence[str] | None) -> str:
        """Those of ``names``, or all, as text that ``load`` takes."""

    def load(self, text: str) -> Callable[[], None]:
        """Makes what ``dump`` told so again, all or nothing; what it did not tell of stays as it is.

        Returns what makes it as it was before.
        """
