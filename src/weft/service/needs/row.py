"""Row: what one verb needs."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from weft.access.permissions import Right
from weft.service.asking import Asking

Rule = Callable[..., Iterable[Right]]
Given = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Row:
    """``rule``: all of its rights, or the call is refused. ``each``: the rights for one item of the first argument; the
    items that are forbidden get an error for result, and the others go on. Items that are ``alike`` need the same.
    ``shown``: what the caller sees of the result; its arguments are the asking, the result and those of the verb.
    """

    rule: Rule | None = None
    each: Rule | None = None
    alike: Callable[[Asking, Any], Hashable] | None = None
    shown: Callable[..., Any] | None = None
