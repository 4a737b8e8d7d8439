"""FollowedPart: one state of a shard that another process writes, as the service uses it: it is read, never changed."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence

from weft.domain.errors import OperatorError, WeftError
from weft.domain.filters import Filter
from weft.domain.schema import CollectionConfig
from weft.engine.changes import Change, Edit, Outcome, Removed
from weft.engine.embedded.shard_view import ShardView
from weft.engine.selection import Resolve


def elsewhere() -> OperatorError:
    """The error of every call that changes something."""
    return OperatorError("this process follows the data of a server, which alone changes it")


class FollowedPart:
    """``models``: as ``Part``'s."""

    __slots__ = ("_view", "config", "models")

    def __init__(self, view: ShardView, models: Mapping[str, str]) -> None:
        self.config: CollectionConfig = view.config
        self.models = models
        self._view = view

    @property
    def count(self) -> int:
        return len(self._view.live)

    def view(self, *, expired: bool = False) -> ShardView:
        """Expired objects are hidden, with a resolution of a second."""
        view, expiry = self._view, self.config.expiry
        if expired or expiry is None or not expiry.hidden:
            return view
        return view.unexpired(expiry, int(time.time()))

    def write(self, changes: Sequence[Change]) -> list[Outcome]:
        raise elsewhere()

    def edit(self, edits: Mapping[bytes, Edit], *, exclusive: bool = True) -> dict[bytes, WeftError]:
        raise elsewhere()

    def remove(self, filter: Filter, limit: int, *, dry_run: bool = False, resolve: Resolve | None = None) -> Removed:
        raise elsewhere()
