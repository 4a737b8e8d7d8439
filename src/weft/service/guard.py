"""The door to the service: wires get it in the service's place, and through it only what their caller may do.

Where authorization is off, ``admit`` hands out the service itself, so nothing is paid for. Where it is on, every verb
is looked up in the table of needs; one that has no row is refused, so a new verb without a row is noticed at once.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from functools import partial
from typing import Any, Final, cast

from weft.access.access import Access
from weft.access.rights import NoLimits, forbidden
from weft.domain.caller import Caller
from weft.domain.errors import Forbidden, WeftError
from weft.service.asking import Asking
from weft.service.needs.row import Row
from weft.service.needs.table import TABLE
from weft.service.service import Service

_PARTS: Final = frozenset(path.rpartition(".")[0] for path in TABLE) | {"archives", "access"}
"""What of the service holds verbs, by path; the service itself is the empty path."""


class Door:
    def __init__(self, service: Service, access: Access) -> None:
        self._service = service
        self._access = access
        self._is_open = isinstance(access.rights, NoLimits)

    def admit(self, caller: Caller) -> Service:
        """The service as ``caller`` may use it."""
        if self._is_open:
            return self._service
        return cast(Service, _Guarded(self._service, "", Asking(self._service, self._access, caller)))


class _Guarded:
    __slots__ = ("_asking", "_owner", "_path")

    def __init__(self, owner: Any, path: str, asking: Asking) -> None:
        self._owner = owner
        self._path = path
        self._asking = asking

    def __getattr__(self, name: str) -> Any:
        path = f"{self._path}.{name}" if self._path else name
        if path in _PARTS:
            return _Guarded(getattr(self._owner, name), path, self._asking)
        row = TABLE.get(path)
        found = getattr(self._owner, name)
        if row is None:
            raise Forbidden(f"{path} is in no row of the table of needs, so nobody may use it", verb=path)
        return partial(_run, row, found, self._asking)


def _run(row: Row, verb: Callable[..., Any], asking: Asking, /, *args: Any, **kwargs: Any) -> Any:
    if row.each is not None:
        return _run_parts(row, verb, asking, *args, **kwargs)
    if row.rule is not None:
        for right in row.rule(asking, *args, **kwargs):
            asking.require(right)
    result = verb(*args, **kwargs)
    return result if row.shown is None else row.shown(asking, result, *args, **kwargs)


def _run_parts(
    row: Row, verb: Callable[..., Any], asking: Asking, /, items: Sequence[Any], *args: Any, **kwargs: Any
) -> list[WeftError | None]:
    """``verb`` with the items that are allowed, and its results with the refusals of the others among them."""
    refusals: dict[Hashable, WeftError | None] = {}
    errors: list[WeftError | None] = []
    for item in items:
        kind = id(item) if row.alike is None else row.alike(asking, item)
        if kind not in refusals:
            refusals[kind] = _refusal(row, asking, item)
        errors.append(refusals[kind])
    allowed = [i for i, error in enumerate(errors) if error is None]
    if len(allowed) == len(items):
        found: list[WeftError | None] = verb(items, *args, **kwargs)
        return found
    results = verb([items[i] for i in allowed], *args, **kwargs) if allowed else []
    for i, result in zip(allowed, results, strict=True):
        errors[i] = result
    return errors


def _refusal(row: Row, asking: Asking, item: Any) -> WeftError | None:
    assert row.each is not None
    for right in row.each(asking, item):
        if not asking.may(right):
            return forbidden(asking.caller, right)
    return None
