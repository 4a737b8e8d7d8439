"""The requests for backups, restores and exports: JSON and query strings to what the service takes.

The keys are spelled as declared in ``weft.wire.rest.forms``.
"""

from __future__ import annotations

from weft.domain import json_fields
from weft.domain.errors import Invalid
from weft.domain.json_values import JsonObject
from weft.service.archives.requests import CollectionChoice, Location, NewBackup, NewExport, NewRestore


def new_backup(body: JsonObject) -> NewBackup:
    """Raises Invalid for values of a wrong type."""
    config = json_fields.object_(body, "config", "backup") or {}
    return NewBackup(
        json_fields.string(body, "id", "backup") or "",
        _choice(body),
        place(config),
        json_fields.string(config, "CompressionLevel", "config") or "",
        json_fields.integer(config, "CPUPercentage", "config"),
        json_fields.string(body, "incremental_base_backup_id", "backup") or "",
        roles=tuple(json_fields.strings(body, "includeRoles", "backup") or ()),
        users=tuple(json_fields.strings(body, "includeUsers", "backup") or ()),
    )


def new_restore(body: JsonObject) -> NewRestore:
    """Raises Invalid for values of a wrong type. ``node_mapping`` is of no effect: there is one node."""
    config = json_fields.object_(body, "config", "restore") or {}
    json_fields.object_(body, "node_mapping", "restore")
    return NewRestore(
        _choice(body),
        place(config),
        json_fields.integer(config, "CPUPercentage", "config"),
        json_fields.boolean(body, "overwriteAlias", "restore") or False,
        json_fields.string(config, "rolesOptions", "config") or "",
        json_fields.string(config, "usersOptions", "config") or "",
    )


def new_export(body: JsonObject) -> NewExport:
    """Raises Invalid for values of a wrong type."""
    id = json_fields.string(body, "id", "export") or ""
    return NewExport(id, json_fields.string(body, "file_format", "export") or "", _choice(body))


def place(config: JsonObject) -> Location:
    """Of a request's ``config`` or query string. Raises Invalid."""
    return Location(
        json_fields.string(config, "bucket", "config") or "", json_fields.string(config, "path", "config") or ""
    )


def _choice(body: JsonObject) -> CollectionChoice:
    return CollectionChoice(_names(body, "include"), _names(body, "exclude"))


def _names(body: JsonObject, key: str) -> tuple[str, ...]:
    value = body.get(key)
    if value is None:
        return ()
    names = [name for name in value if isinstance(name, str)] if isinstance(value, list) else []
    if not isinstance(value, list) or len(names) < len(value):
        raise Invalid(f"{key} must be an array of names")
    return tuple(names)
