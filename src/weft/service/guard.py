"""The door to the service: wires get the service through it, restricted to what their caller may use.

If authorization is off, ``admit`` returns the service itself, at no cost. If it is on, it returns a view: the verbs of
the service, each behind the requirement that it declares. Everything else of the service, and a verb without a
requirement, is refused to every caller. Where there is an audit log, the view records each call, also if authorization
is off.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from copy import copy
from functools import partial, wraps
from typing import ClassVar, NoReturn, cast

from weft.access.access import Access
from weft.access.audit_log import AuditLog
from weft.access.requirement import Requirement, verbs_of
from weft.access.rights import NoLimits
from weft.domain.caller import Caller
from weft.domain.errors import Forbidden, WeftError
from weft.service.audited import AuditedContext, audited
from weft.service.permissions.context import AuthContext
from weft.service.search_service import SearchService
from weft.service.service import Service


class Door:
    """To a whole service, or in a process that follows a server's data to its searches alone."""

    def __init__(self, service: SearchService, access: Access, audit: AuditLog | None = None) -> None:
        self._service = cast(Service, service)
        self._rights = access.rights
        self._audit = audit
        self._wire = ""
        is_open = audit is None and isinstance(access.rights, NoLimits)
        self._view = None if is_open else _view_of(service, is_audited=audit is not None)

    @property
    def is_audited(self) -> bool:
        return self._audit is not None

    def over(self, wire: str) -> Door:
        """The same door, for the callers of a wire, which the audit log names."""
        door = copy(self)
        door._wire = wire
        return door

    def admit(self, caller: Caller) -> Service:
        """The service as ``caller`` may use it."""
        if self._view is None:
            return self._service
        return cast(Service, self._view(self._service, self._context(caller)))

    def _context(self, caller: Caller) -> AuthContext:
        if self._audit is None:
            return AuthContext(self._service, self._rights, caller)
        return AuditedContext(self._service, self._rights, caller, self._audit, self._wire)


def requirements(owner: object, path: str = "") -> Iterator[tuple[str, Requirement]]:
    """Each verb of the service and of its parts, by its path from ``owner`` (``objects.insert``)."""
    for name, (_, requirement) in verbs_of(type(owner)).items():
        yield path + name, requirement
    for name, part in _parts_of(owner).items():
        yield from requirements(part, f"{path}{name}.")


def _parts_of(owner: object) -> Mapping[str, object]:
    """The attributes of ``owner`` that have verbs, or have parts that do."""
    public = {name: value for name, value in getattr(owner, "__dict__", {}).items() if not name.startswith("_")}
    return {name: value for name, value in public.items() if verbs_of(type(value)) or _parts_of(value)}


class _GuardedView:
    """A proxy of ``owner``. Its subclasses, one for each class of the service, have the verbs and the parts."""

    __slots__ = ("_context", "_owner")
    _path: ClassVar[str] = ""

    def __init__(self, owner: object, context: AuthContext) -> None:
        self._owner = owner
        self._context = context

    def __getattr__(self, name: str) -> NoReturn:
        path = f"{self._path}{name}"
        if not hasattr(self._owner, name):
            raise AttributeError(f"the service has no {path}")
        raise Forbidden(f"{path} declares no requirement, so no caller may use it", verb=path)


def _view_of(owner: object, path: str = "", *, is_audited: bool) -> type[_GuardedView]:
    """The class of views of ``owner``, made once."""
    members: dict[str, object] = {"__slots__": (), "_path": path}
    for name, (verb, requirement) in verbs_of(type(owner)).items():
        members[name] = guarded = _guarded(verb, requirement)
        if is_audited:
            members[name] = audited(guarded, requirement, path + name)
    for name, part in _parts_of(owner).items():
        members[name] = _part(name, _view_of(part, f"{path}{name}.", is_audited=is_audited))
    return type(f"Guarded{type(owner).__name__}", (_GuardedView,), members)


def _part(name: str, view: type[_GuardedView]) -> property:
    def part(self: _GuardedView) -> _GuardedView:
        return view(getattr(self._owner, name), self._context)

    return property(part)


def _guarded(verb: Callable[..., object], requirement: Requirement) -> Callable[..., object]:
    """``verb`` of a view. Its rules get its positional parameters by position, even when they are passed by name."""
    signature = inspect.signature(verb)
    positional = {name for name, one in signature.parameters.items() if one.kind is one.POSITIONAL_OR_KEYWORD}

    @wraps(verb)
    def guarded(self: _GuardedView, /, *args: object, **kwargs: object) -> object:
        if not positional.isdisjoint(kwargs):
            bound = signature.bind(self._owner, *args, **kwargs)
            bound.apply_defaults()
            args, kwargs = bound.args[1:], bound.kwargs
        context = self._context
        if requirement.rights is not None:
            for right in requirement.rights(context, *args, **kwargs):
                context.require(right)
        if requirement.per_item is not None:
            items, *others = args
            run = partial(verb, self._owner)
            return _run_items(requirement, run, context, cast(Sequence[object], items), others, kwargs)
        if requirement.narrow is not None:
            args = requirement.narrow(context, *args, **kwargs)
        context.checked()
        result = verb(self._owner, *args, **kwargs)
        return result if requirement.redact is None else requirement.redact(context, result, *args, **kwargs)

    return guarded


def _run_items(
    requirement: Requirement,
    run: Callable[..., object],
    context: AuthContext,
    items: Sequence[object],
    others: Sequence[object],
    named: Mapping[str, object],
) -> list[WeftError | None]:
    """``run`` with the items that are allowed: its results, with the refusals of the other items in their positions."""
    refusals: dict[Hashable, WeftError | None] = {}
    errors: list[WeftError | None] = []
    for item in items:
        group = id(item) if requirement.group_by is None else requirement.group_by(context, item)
        if group not in refusals:
            refusals[group] = _refusal(requirement, context, item)
        errors.append(refusals[group])
    allowed = [i for i, error in enumerate(errors) if error is None]
    context.checked(len(items), len(items) - len(allowed))
    if not allowed:
        return errors
    results = cast(list[WeftError | None], run([items[i] for i in allowed], *others, **named))
    for i, result in zip(allowed, results, strict=True):
        errors[i] = result
    return errors


def _refusal(requirement: Requirement, context: AuthContext, item: object) -> WeftError | None:
    assert requirement.per_item is not None
    for right in requirement.per_item(context, item):
        if not context.may(right):
            return context.refusal(right)
    return None
