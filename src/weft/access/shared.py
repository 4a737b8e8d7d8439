"""The access state of several servers: a setting of the catalog that they share, with its compare-and-set.

A change is visible to every request that begins, on any server, after it was acknowledged: so a key that was revoked
through one server is refused by all. What lasts, as a stream, is asked again every second.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping
from typing import Any, Final, Protocol, TypeVar

from weft.access import keys
from weft.access.state import AccessState, from_json, to_json
from weft.access.store import AccessStore
from weft.domain.errors import CorruptData, Invalid, WeftError

_log = logging.getLogger(__name__)
T = TypeVar("T")
KEY: Final = "access"


class SharedSettings(Protocol):
    """A value of a catalog that several servers share."""

    def follow(self) -> None:
        """Have what other servers have changed."""
        ...

    def settings(self) -> Mapping[str, Any]:
        """As they were followed last."""
        ...

    def edit_setting(self, key: str, edit: Callable[[Any], Any]) -> None:
        """Change a value by what ``edit`` returns for the latest one; it may be called again."""
        ...


class SharedAccessStore(AccessStore):
    """Raises Unreachable where the catalog does not answer, CorruptData."""

    def __init__(self, settings: SharedSettings) -> None:
        self._settings = settings
        self._lock = threading.Lock()
        self._used: dict[str, float] = {}
        self._seen: Any = None
        self._settings.edit_setting(KEY, lambda value: value or to_json(AccessState((keys.new_secret(),))))
        self.follow()

    @property
    def is_shared(self) -> bool:
        return True

    def follow(self) -> None:
        """A question to the catalog."""
        self._settings.follow()
        self._take()

    def change(self, edit: Callable[[AccessState], tuple[AccessState, T]]) -> T:
        results: list[T] = []

        def edited(value: Any) -> Any:
            before = _state(value)
            after, result = edit(before)
            results.append(result)
            return value if after is before else to_json(self._with_times(after))

        self._settings.edit_setting(KEY, edited)
        self._take()
        return results[-1]

    def close(self) -> None:
        """The times of the last uses are kept, if the catalog answers."""
        try:
            self.change(lambda state: (self._with_times(state), None))
        except WeftError as error:
            _log.warning("when users were seen last could not be stored: %s", error.message)

    def _take(self) -> None:
        value = self._settings.settings().get(KEY)
        if value is not self._seen:
            with self._lock:
                if value is not self._seen:
                    self._set(_state(value))
                    self._seen = value


def _state(value: Any) -> AccessState:
    try:
        return from_json(value)
    except (KeyError, TypeError, ValueError, AttributeError, Invalid) as error:
        raise CorruptData(
            f"the roles and users in the catalog are not what Weft wrote: {error!r}; restore the catalog from a backup"
        ) from error
