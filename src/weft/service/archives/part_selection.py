"""Which roles and users a backup takes along, and which of them a restore brings back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from weft.domain import json_fields
from weft.domain.errors import Invalid
from weft.jobs.backup.parts import ROLES, USERS, BackupPart
from weft.service.archives.locations import is_pattern, matching

_RESTORE = {ROLES: "rolesOptions", USERS: "usersOptions"}
_CREATE = {ROLES: "includeRoles", USERS: "includeUsers"}


def parts_to_make(
    request: Mapping[str, Any], parts: Mapping[str, BackupPart]
) -> dict[str, tuple[BackupPart, list[str] | None]]:
    """All parts, each with the names that are asked for; None: all of it. Raises Invalid."""
    for name, key in _CREATE.items():
        if request.get(key) and name not in parts:
            raise Invalid(f"{key} is set, and this server keeps no {name}; leave it out")
    return {name: (part, _names(request, _CREATE[name], part)) for name, part in parts.items()}


def parts_to_load(
    config: Mapping[str, Any], stored: Mapping[str, str], parts: Mapping[str, BackupPart]
) -> dict[str, BackupPart]:
    """Those that the request wants, which only ``all`` does. Raises Invalid."""
    wanted: dict[str, BackupPart] = {}
    for name, key in _RESTORE.items():
        asked = json_fields.string(config, key, "config") or "noRestore"
        if asked not in ("noRestore", "all"):
            raise Invalid(f"{key} must be noRestore or all, not {asked[:40]!r}")
        if asked == "noRestore":
            continue
        if name not in parts:
            raise Invalid(f"{key} is all, and this server keeps no {name}; leave it out")
        if name not in stored:
            raise Invalid(f"{key} is all, and the backup holds no {name}; leave it out")
        wanted[name] = parts[name]
    return wanted


def _names(request: Mapping[str, Any], key: str, part: BackupPart) -> list[str] | None:
    asked = json_fields.strings(request, key, "backup")
    if not asked:
        return None
    present = set(part.names())
    for name in asked:
        if not is_pattern(name) and name not in present:
            raise Invalid(f"{name[:80]!r} in {key} does not exist")
    found = matching(present, asked)
    if not found:
        raise Invalid(f"nothing matches {key}")
    return sorted(found)
