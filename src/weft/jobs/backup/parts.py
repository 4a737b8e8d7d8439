"""What is backed up beside collections, by the room that has it: roles, users."""

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
        """Restores what ``dump`` wrote, all or nothing; what is not in it stays as it is.

        Returns what undoes that.
        """
