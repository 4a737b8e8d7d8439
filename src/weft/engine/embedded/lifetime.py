"""Lifetime: whether a shard is still open, and the error for calls after it was closed."""

from __future__ import annotations

from types import TracebackType

from weft.domain.errors import NotFound, OperatorError


class Lifetime:
    """Shared by a shard and its views. As a context, it turns the error of a store that was closed into NotFound.

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
