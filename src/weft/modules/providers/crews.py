"""Crews: the threads that call providers for imports, which have several calls under way.

Each caller has some of its own for each provider, so that neither a slow provider nor another caller delays its calls.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import CancelledError, ThreadPoolExecutor
from typing import Final, TypeVar

from weft.domain.errors import Overloaded
from weft.domain.metering import WorkMeter, current, metered
from weft.domain.place import Elsewhere, away, holder, placed

_PARALLEL_CALLS: Final = 8
"""Concurrent calls to one provider, of all imports of one caller together."""

Item = TypeVar("Item")
Result = TypeVar("Result")


class Crews:
    """Safe for many threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._working: dict[tuple[str, str], _Crew] = {}
        """By provider and caller."""
        self._is_closed = False

    def __len__(self) -> int:
        return len(self._working)

    def each(self, provider: str, call: Callable[[Item], Result], items: Sequence[Item]) -> list[Result]:
        """``call`` for each item, several concurrently, in order. Raises Overloaded after ``close``."""
        key = provider, holder()
        with self._lock:
            if self._is_closed:
                raise stopping()
            crew = self._working.setdefault(key, _Crew(provider))
            crew.calls += 1
            running = [crew.threads.submit(_called, key[1], current(), call, item) for item in items]
        try:
            with away():
                return [one.result() for one in running]
        except CancelledError as error:
            raise stopping() from error
        finally:
            with self._lock:
                crew.calls -= 1
                if not crew.calls and self._working.pop(key, None) is not None:
                    crew.threads.shutdown(wait=False, cancel_futures=True)

    def close(self) -> None:
        """Calls that have not begun are given up."""
        with self._lock:
            self._is_closed = True
            crews, self._working = self._working, {}
        for crew in crews.values():
            crew.threads.shutdown(wait=False, cancel_futures=True)


class _Crew:
    """``calls``: of ``each``, which are under way."""

    def __init__(self, provider: str) -> None:
        self.threads = ThreadPoolExecutor(_PARALLEL_CALLS, thread_name_prefix=f"weft-{provider.lower()}")
        self.calls = 0


def _called(holder: str, meter: WorkMeter | None, call: Callable[[Item], Result], item: Item) -> Result:
    with placed(Elsewhere(holder)), metered(meter):
        return call(item)


def stopping() -> Overloaded:
    return Overloaded("the server is stopping; send the request again when it has started")
