"""Verbs that are recorded in the audit log, each with the rights that it asked for.

Their requirements name what a request is about, so the log's lines come from these: also where authorization is off,
and every right is granted. A line is written once the rights are known, before the verb runs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import wraps
from typing import Any, Final

from weft.access.audit_log import ALLOWED, PARTLY, REFUSED, AuditLog, Resources
from weft.access.permissions import DOMAINS, Right
from weft.access.requirement import Requirement
from weft.access.rights import Rights
from weft.domain.caller import Caller
from weft.domain.errors import Forbidden, Unauthenticated
from weft.service.permissions.context import AuthContext, ServiceFacts

_MOST_RESOURCES: Final = 100
_MOST_CHARS: Final = 200


class AuditedContext(AuthContext):
    """``wire``: over which the caller came. The rights that are asked for are noted until the line is written."""

    __slots__ = ("_audit", "_facts", "_is_quiet", "_noted", "_verb", "_wire", "_written")

    def __init__(self, service: ServiceFacts, rights: Rights, caller: Caller, audit: AuditLog, wire: str) -> None:
        super().__init__(service, rights, caller)
        self._facts = service
        self._audit = audit
        self._wire = wire
        self._verb = ""
        self._is_quiet = False
        self._noted: dict[tuple[str, ...], tuple[dict[str, object], bool]] = {}
        """By action and names: the resource, and whether the right to it was granted."""
        self._written = False

    def of_call(self, verb: str, *, is_quiet: bool) -> AuditedContext:
        """For one call of ``verb``. ``is_quiet``: only a refusal is recorded."""
        made = AuditedContext(self._facts, self._rights, self.caller, self._audit, self._wire)
        made._verb, made._is_quiet = verb, is_quiet
        return made

    # -- what is asked

    def may(self, right: Right) -> bool:
        granted = super().may(right)
        self._note(right, granted)
        return granted

    def require(self, right: Right) -> None:
        try:
            super().require(right)
        except (Forbidden, Unauthenticated):
            self._note(right, granted=False)
            raise
        self._note(right, granted=True)

    def touches(self, collection: str) -> bool:
        granted = super().touches(collection)
        self._add("read", {"collection": collection}, granted)
        return granted

    def check_held(self, roles: Sequence[str]) -> None:
        for role in roles:
            self._add("hold", {"role": role}, granted=True)
        super().check_held(roles)

    # -- what is recorded

    def checked(self, items: int = 0, refused: int = 0) -> None:
        outcome = ALLOWED if not refused else REFUSED if refused == items else PARTLY
        if not (self._is_quiet and outcome == ALLOWED):
            self._audit.called(self.caller, self._wire, self._verb, outcome, self._resources(), items=items)
        self._written = True

    def refused(self, error: Forbidden | Unauthenticated) -> None:
        self._written = True
        self._audit.called(self.caller, self._wire, self._verb, REFUSED, self._resources(), why=error.message)

    def _note(self, right: Right, granted: bool) -> None:
        self._add(right.action, dict(zip(DOMAINS[right.domain], right.names, strict=False)), granted)

    def _add(self, action: str, names: Mapping[str, str], granted: bool) -> None:
        if self._written:
            return
        key = (action, *names.values())
        known = self._noted.get(key)
        resource: dict[str, object] = {"action": action, **{name: value[:_MOST_CHARS] for name, value in names.items()}}
        self._noted[key] = resource, granted or (known is not None and known[1])

    def _resources(self) -> Resources:
        found = [resource if granted else {**resource, "refused": True} for resource, granted in self._noted.values()]
        more = len(found) - _MOST_RESOURCES
        return found if more <= 0 else [*found[:_MOST_RESOURCES], {"more": more}]


def audited(guarded: Callable[..., object], requirement: Requirement, verb: str) -> Callable[..., object]:
    """``guarded``, a verb of a view, with a line for each call; ``verb`` is its path."""

    @wraps(guarded)
    def recorded(self: Any, /, *args: object, **kwargs: object) -> object:
        context = self._context.of_call(verb, is_quiet=requirement.preliminary)
        try:
            return guarded(type(self)(self._owner, context), *args, **kwargs)
        except (Forbidden, Unauthenticated) as error:
            context.refused(error)
            raise

    return recorded
