"""Roles and permissions as JSON: ``{"action": "read_data", "data": {"collection": "Movies*"}}``."""

from __future__ import annotations

from collections.abc import Mapping

from weft.access.permissions import DOMAINS, Permission, check_count, checked_permission, domain_of
from weft.access.roles import Role, check_role_name
from weft.domain.errors import Invalid
from weft.domain.json_values import JsonObject


def role_json(role: Role) -> dict[str, object]:
    permissions = role.permissions
    return {"name": role.name, "permissions": None if permissions is None else [*map(permission_json, permissions)]}


def permission_json(permission: Permission) -> dict[str, object]:
    named = dict(permission.resource) | ({"scope": permission.scope} if permission.scope else {})
    return {"action": permission.action} | ({permission.domain: named} if named else {})


def parse_role(document: JsonObject) -> tuple[str, list[Permission]]:
    """The name and permissions of a role to be created. Raises Invalid or CallerError naming what is wrong."""
    name = document.get("name")
    name = name if isinstance(name, str) else ""
    check_role_name(name)
    return name, parse_permissions(document.get("permissions"))


def parse_permissions(given: object, *, required: bool = False) -> list[Permission]:
    """Raises Invalid naming what is wrong; ``required``: also when there are none."""
    given = [] if given is None else given
    if not isinstance(given, list):
        raise Invalid("permissions must be a JSON array")
    if required and not given:
        raise Invalid("role has to have at least 1 permission")
    check_count(given)
    return [parse_permission(one) for one in given]


def parse_permission(document: object) -> Permission:
    """Raises Invalid naming what is wrong. Absent and empty filters are ``*``."""
    if not isinstance(document, Mapping):
        raise Invalid("a permission must be a JSON object with an action")
    action = document.get("action")
    domain = domain_of(action)
    given = document.get(domain)
    given = {} if given is None else given
    if not isinstance(given, Mapping):
        raise Invalid(f"{domain} of permission {action} must be a JSON object")
    scope = given.get("scope")
    names = {field: _text(domain, field, given.get(field)) for field in DOMAINS[domain]}
    return checked_permission(str(action), names, None if scope is None else str(scope))


def _text(domain: str, field: str, value: object) -> str | None:
    if value is not None and not isinstance(value, str):
        raise Invalid(f"{field} of a permission on {domain} must be a string")
    return value
