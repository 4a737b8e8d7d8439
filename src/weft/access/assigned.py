"""The assigned roles as a mapping by subject: ``db:<user>``, ``oidc:<user>`` or ``group:<group>``."""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping
from typing import TypeAlias

DB, OIDC = "db", "oidc"
"""The types of users; only ``oidc`` has groups."""

Assigned: TypeAlias = Mapping[str, tuple[str, ...]]
"""The roles of each subject that has any, in alphabetical order."""


def user_subject(user: str, user_type: str) -> str:
    return f"{user_type}:{user}"


def group_subject(group: str) -> str:
    return f"group:{group}"


def with_roles(assigned: Assigned, subjects: Iterable[str], roles: Iterable[str]) -> Assigned:
    """``assigned``, with ``roles`` added to each of ``subjects``."""
    roles = tuple(roles)
    return {**assigned, **{one: tuple(sorted({*assigned.get(one, ()), *roles})) for one in subjects}}


def without(assigned: Assigned, subjects: Iterable[str], roles: Container[str]) -> Assigned:
    """``assigned``, with ``roles`` removed from each of ``subjects``."""
    left = {one: tuple(role for role in assigned.get(one, ()) if role not in roles) for one in subjects}
    return {subject: kept for subject, kept in {**assigned, **left}.items() if kept}
