"""Which roles and users a backup includes, and which of them a restore brings back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from weft.domain.errors import Invalid
from weft.jobs.backup.parts import ROLES, USERS, BackupPart
from weft.service.archives.collection_choice import is_pattern, matching
from weft.service.archives.requests import NewBackup, NewRestore


def parts_to_make(
    asked: NewBackup, parts: Mapping[str, BackupPart]
) -> dict[str, tuple[BackupPart, Sequence[str] | None]]:
    """All parts, each with the requested names; None: all of it. Raises Invalid."""
    wanted = {ROLES: ("includeRoles", asked.roles), USERS: ("includeUsers", asked.users)}
    for name, (key, names) in wanted.items():
        if names and name not in parts:
            raise Invalid(f"{key} is set, but this server stores no {name}; leave it out")
    return {name: (part, _names(part, *wanted[name])) for name, part in parts.items()}


def parts_to_load(
    asked: NewRestore, stored: Mapping[str, str], parts: Mapping[str, BackupPart]
) -> dict[str, BackupPart]:
    """The parts for which the request says ``all``. Raises Invalid."""
    wanted: dict[str, BackupPart] = {}
    for name, key, option in ((ROLES, "rolesOptions", asked.roles), (USERS, "usersOptions", asked.users)):
        if option not in ("", "noRestore", "all"):
            raise Invalid(f"{key} must be noRestore or all, not {option[:40]!r}")
        if option != "all":
            continue
        if name not in parts:
            raise Invalid(f"{key} is all, but this server stores no {name}; leave it out")
        if name not in stored:
            raise Invalid(f"{key} is all, but the backup contains no {name}; leave it out")
        wanted[name] = parts[name]
    return wanted


def _names(part: BackupPart, key: str, asked: Sequence[str]) -> list[str] | None:
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
