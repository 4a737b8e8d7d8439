"""FilterCache: the results of the latest filters, so that a repeated filter costs nothing.

Everything in the cache belongs to one state of the index and one set of live objects; the first lookup for another
state empties it.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from threading import Lock
from typing import Any

from pyroaring import BitMap

from weft.domain.errors import Invalid
from weft.domain.filters import And, Condition, Filter, Not, Or, PropertyTarget, ReferenceTarget, Target
from weft.engine.embedded.index.allow_list import AllowList
from weft.engine.embedded.index.filter.planner import MAX_DEPTH


class FilterCache:
    """At most ``capacity`` results, the least recently used dropped first. Safe for any thread."""

    def __init__(self, capacity: int = 64) -> None:
        self._capacity = capacity
        self._lock = Lock()
        self._version = -1
        self._live: BitMap | None = None
        self._results: OrderedDict[Any, AllowList] = OrderedDict()

    def get(self, filter: Filter, version: int, live: BitMap, evaluate: Callable[[], BitMap]) -> AllowList:
        """The allow-list of ``filter``: the same object as before while neither ``version`` nor ``live`` changes.

        ``live`` counts as unchanged when it is the same object. Filters through references are evaluated every time,
        because they depend on other collections.
        """
        key = _key(filter, 0)
        if key is None:
            return AllowList(evaluate())
        with self._lock:
            if version != self._version or live is not self._live:
                if version >= self._version:
                    self._version, self._live = version, live
                    self._results.clear()
            elif (known := self._results.get(key)) is not None:
                self._results.move_to_end(key)
                return known
        found = AllowList(evaluate())
        with self._lock:
            if version == self._version and live is self._live:
                self._results[key] = found
                if len(self._results) > self._capacity:
                    self._results.popitem(last=False)
        return found

    def kept(self) -> list[AllowList]:
        with self._lock:
            return list(self._results.values())

    def clear(self) -> None:
        with self._lock:
            self._results.clear()


def _key(filter: Filter, depth: int) -> Any:
    """A hashable key that distinguishes 1, 1.0 and True, which are equal; None: must not be cached."""
    if depth > MAX_DEPTH:
        raise Invalid(f"the filter is nested deeper than {MAX_DEPTH} levels; flatten it")
    match filter:
        case Condition(operator=operator, target=target, value=value, field=field):
            if isinstance(target, ReferenceTarget):
                return None
            kinds = tuple(type(v) for v in value) if isinstance(value, tuple) else type(value)
            return (operator, _target_key(target), value, kinds, field)
        case Not(operand=part):
            parts: tuple[Filter, ...] = (part,)
        case And(operands=parts) | Or(operands=parts):
            pass
    keys = tuple(_key(part, depth + 1) for part in parts)
    return None if None in keys else (type(filter), keys)


def _target_key(target: Target) -> Any:
    return (target.property, target.length) if isinstance(target, PropertyTarget) else target
