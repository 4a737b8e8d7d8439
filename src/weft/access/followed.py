"""The access state of a server in another process, which this one reads and follows."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from weft.access.state import AccessState
from weft.access.store import PUBLISHED, AccessStore
from weft.domain.errors import OperatorError
from weft.files.publication import Published, path_in

T = TypeVar("T")
_WAIT_S = 0.01
_NOTED_EVERY_S = 60.0


class FollowedAccessStore(AccessStore):
    """That of the data folder ``folder``. Raises OperatorError where it is not published, CorruptData."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        try:
            self._published = Published(path_in(folder, PUBLISHED))
        except (OSError, ValueError) as error:
            raise OperatorError(f"the access state of {folder} cannot be followed: {error}") from error
        self._turn = threading.Lock()
        self._number = -1
        self._noted_again_s: dict[str, float] = {}
        self.follow()

    def follow(self) -> None:
        """Have the latest state. Raises OperatorError while it is being changed."""
        if self._published.announced == self._number:
            return
        with self._turn:
            while (number := self._published.announced) != self._number:
                if not self._published.wait(number, _WAIT_S):
                    raise OperatorError("the access state is being changed")
                self._set(self._load())
                self._number = number

    def used(self, user: str) -> None:
        """Raises OperatorError about once a minute, so that the server sees the request, and notes when ``user`` was
        last seen."""
        now_s = time.monotonic()
        if now_s >= self._noted_again_s.get(user, 0.0):
            self._noted_again_s[user] = now_s + _NOTED_EVERY_S
            raise OperatorError("the server notes that the user was seen")

    def change(self, edit: Callable[[AccessState], tuple[AccessState, T]]) -> T:
        """Raises OperatorError: the server changes it."""
        raise OperatorError("the access state is followed here, and changed by the server alone")

    def close(self) -> None:
        """Writes nothing."""
