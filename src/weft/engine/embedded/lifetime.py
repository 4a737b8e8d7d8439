"""Lifetime: whether a shard is still open, and the error of those that come too late."""

from __future__ import annotations

from types import TracebackType

from weft.domain.errors import NotFound, OperatorError


class Lifetime:
    """Shared by a shard and its views. As a context: a store that refuses because it was closed meanwhile is NotFound.

    Any number of threads may be inside at once.
    """

    __slots__ = ("_collection", "closed")

    def __init__(self, collection: str) -> None:
        self._collection = collection
        self.closed = False

    def check(self) -> None:
        """Raises NotFound when the shard has been closed."""
        if self.closed:
            raise NotFound(
                f"the objects of class {self._collection} are gone: it, or the tenant, was deleted or deactivated"
            )

    def __enter__(self) -> None:
        pass

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if isinstance(error, OperatorError):
            self.check()
