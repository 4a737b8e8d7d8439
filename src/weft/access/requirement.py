"""Requirements: the rights that a verb requires, declared at the verb by ``@requires`` or ``@public``.

The decorators return the function unchanged, so a call costs nothing if authorization is off. If it is on,
`weft.service.guard` checks the requirement of a verb first; a verb without one is refused to every caller.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Hashable, Iterable, Mapping
from dataclasses import dataclass
from typing import Final, TypeAlias, TypeVar

from weft.access.permissions import Right

Rule: TypeAlias = Callable[..., Iterable[Right]]
"""Takes the caller's context and the verb's arguments; yields the rights that the caller must have."""

Verb = TypeVar("Verb", bound=Callable[..., object])


@dataclass(frozen=True, slots=True)
class Requirement:
    """``rights``: the caller needs all of them. ``per_item``: the rights for one item of the first argument;
    forbidden items of a batch are refused one by one. Items with the same ``group_by`` key need the same rights, which
    are checked once. ``narrow``: reduces what is requested to what the caller may have; it takes the context and the
    verb's arguments, and returns the positional ones to call the verb with. ``redact``: reduces the result to what the
    caller may see; its arguments are the context, the result and those of the verb. ``preliminary``: wires use the verb
    on the way to another one, so the audit log has it only where it is refused.
    """

    rights: Rule | None = None
    per_item: Rule | None = None
    group_by: Callable[..., Hashable] | None = None
    narrow: Callable[..., tuple[object, ...]] | None = None
    redact: Callable[..., object] | None = None
    preliminary: bool = False


PUBLIC: Final = Requirement()
"""For every authenticated caller, and anonymous ones if they are admitted."""

_STATED: dict[Callable[..., object], Requirement] = {}


def requires(
    rights: Rule | None = None,
    *,
    per_item: Rule | None = None,
    group_by: Callable[..., Hashable] | None = None,
    narrow: Callable[..., tuple[object, ...]] | None = None,
    redact: Callable[..., object] | None = None,
    preliminary: bool = False,
) -> Callable[[Verb], Verb]:
    """Declares the requirement of the decorated verb; see ``Requirement``."""

    def state(verb: Verb) -> Verb:
        _STATED[verb] = Requirement(rights, per_item, group_by, narrow, redact, preliminary)
        return verb

    return state


def public(verb: Verb) -> Verb:
    """Declares that every admitted caller may use the verb."""
    _STATED[verb] = PUBLIC
    return verb


def verbs_of(kind: type) -> Mapping[str, tuple[Callable[..., object], Requirement]]:
    """The methods of a class that declare a requirement, by name."""
    methods = inspect.getmembers_static(kind, inspect.isfunction)
    return {name: (method, _STATED[method]) for name, method in methods if method in _STATED}
