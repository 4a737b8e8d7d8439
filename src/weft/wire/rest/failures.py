"""Failures: the results of a batch's items that failed; those with the same error share one, and a line of the log."""

from __future__ import annotations

from weft.domain.errors import WeftError
from weft.wire.errors import to_refusal
from weft.wire.rest.endpoint import failure


class Failures:
    """Of one batch."""

    def __init__(self) -> None:
        self._known: dict[tuple[type[WeftError], str], dict[str, object]] = {}

    def of(self, error: WeftError) -> dict[str, object]:
        """The result of an item; not to be changed."""
        key = type(error), error.message
        found = self._known.get(key)
        if found is None:
            found = self._known[key] = {"status": "FAILED", "errors": failure(to_refusal(error).message)}
        return found
