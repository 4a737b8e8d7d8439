"""Roles and permissions as the protocol's JSON documents."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from weft.access.permissions import Permission, parse_permission
from weft.access.rights import BUILT_IN
from weft.domain.errors import CallerError, Invalid

_NAME = re.compile(r"[A-Za-z][-_0-9A-Za-z]{0,63}")


def parse_role(document: Mapping[str, Any]) -> tuple[str, tuple[Permission, ...]]:
    """Name and permissions of a role to be made."""
    name = document.get("name")
    if not isinstance(name, str) or not name:
        raise CallerError("role name is required")
    if not _NAME.fullmatch(name):
        raise CallerError(
            f"role name {name[:80]!r} is invalid; use up to 64 letters, digits, hyphens and underscores, a letter first"
        )
    if name in BUILT_IN:
        raise CallerError(f"you cannot create role with the same name as built-in role {name}", role=name)
    return name, parse_permissions(document.get("permissions"), allow_none=True)


def parse_permissions(given: Any, *, allow_none: bool) -> tuple[Permission, ...]:
    """Each once. Raises Invalid naming what is wrong."""
    given = [] if given is None else given
    if not isinstance(given, list):
        raise Invalid("permissions must be a JSON array")
    if not given and not allow_none:
        raise Invalid("role has to have at least 1 permission")
    return tuple(dict.fromkeys(parse_permission(one) for one in given))
