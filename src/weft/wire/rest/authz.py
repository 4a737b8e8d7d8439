"""Roles and their assignments: ``/v1/authz``."""

from __future__ import annotations

from collections.abc import Sequence

from weft.access.assignments import UserSource
from weft.access.permissions import Permission
from weft.domain import json_fields
from weft.domain.errors import Conflict
from weft.wire.json.documents import as_object
from weft.wire.rest.audit import audited
from weft.wire.rest.endpoint import Call, Endpoint, Reply, failure
from weft.wire.rest.openapi.parameters import FULL_ROLES
from weft.wire.rest.openapi.shapes import BOOLEAN, TEXT, array, ref
from weft.wire.rest.permission_json import parse_permission, parse_permissions, parse_role, role_json

USER_TYPES = {
    UserSource.DATABASE: "db_user",
    UserSource.SETTINGS: "db_env_user",
    UserSource.PROVIDER: "oidc",
}

_ROLES = "/v1/authz/roles"
_ROLE = "/v1/authz/roles/{role}"
_USER = "/v1/authz/users/{user}"
_GROUP = "/v1/authz/groups/{group:path}"


def list_roles(call: Call) -> Reply:
    return Reply([role_json(one) for one in call.service.access.roles.all(call.caller)])


@audited("role created")
def create_role(call: Call) -> Reply:
    name, permissions = parse_role(as_object(call.body))
    try:
        call.service.access.roles.create(name, permissions)
    except Conflict as error:
        return Reply(failure(error.message), 409)
    return Reply(status=201)


def get_role(call: Call) -> Reply:
    return Reply(role_json(call.service.access.roles.get(call.path["role"])))


@audited("role deleted")
def delete_role(call: Call) -> Reply:
    call.service.access.roles.delete(call.path["role"])
    return Reply(status=204)


@audited("permissions added to role")
def add_permissions(call: Call) -> Reply:
    call.service.access.roles.add_permissions(call.path["role"], _permissions(call))
    return Reply()


@audited("permissions removed from role")
def remove_permissions(call: Call) -> Reply:
    call.service.access.roles.remove_permissions(call.path["role"], _permissions(call))
    return Reply()


def has_permission(call: Call) -> Reply:
    return Reply(call.service.access.roles.has_permission(call.path["role"], parse_permission(as_object(call.body))))


def users_of_role(call: Call) -> Reply:
    """The older form: ids alone, each once."""
    found = call.service.access.assignments.users_with(call.path["role"], call.caller)
    return Reply(sorted({one.user for one in found}))


def user_assignments(call: Call) -> Reply:
    found = call.service.access.assignments.users_with(call.path["role"], call.caller)
    return Reply([{"userId": one.user, "userType": USER_TYPES[one.source]} for one in found])


def group_assignments(call: Call) -> Reply:
    found = call.service.access.assignments.groups_with(call.path["role"], call.caller)
    return Reply([{"groupId": group, "groupType": "oidc"} for group in found])


def roles_of_user(call: Call) -> Reply:
    """The older form: of both types of user, with permissions."""
    found = call.service.access.assignments.of_user(call.path["user"], None, call.caller, full=True)
    return Reply([role_json(one) for one in found])


def roles_of_typed_user(call: Call) -> Reply:
    user, user_type = call.path["user"], call.path["type"]
    found = call.service.access.assignments.of_user(user, user_type, call.caller, full=_is_full(call))
    return Reply([role_json(one) for one in found])


@audited("roles assigned to user")
def assign_to_user(call: Call) -> Reply:
    call.service.access.assignments.assign_to_user(call.path["user"], *_roles(call, "userType"))
    return Reply()


@audited("roles revoked from user")
def revoke_from_user(call: Call) -> Reply:
    call.service.access.assignments.revoke_from_user(call.path["user"], *_roles(call, "userType"))
    return Reply()


def list_groups(call: Call) -> Reply:
    return Reply(call.service.access.assignments.groups(call.path["type"], call.caller))


def roles_of_group(call: Call) -> Reply:
    group, group_type = call.path["group"], call.path["type"]
    found = call.service.access.assignments.of_group(group, group_type, call.caller, full=_is_full(call))
    return Reply([role_json(one) for one in found])


@audited("roles assigned to group")
def assign_to_group(call: Call) -> Reply:
    roles, group_type = _roles(call, "groupType")
    call.service.access.assignments.assign_to_group(call.path["group"], roles, group_type or "")
    return Reply()


@audited("roles revoked from group")
def revoke_from_group(call: Call) -> Reply:
    roles, group_type = _roles(call, "groupType")
    call.service.access.assignments.revoke_from_group(call.path["group"], roles, group_type or "")
    return Reply()


def _permissions(call: Call) -> list[Permission]:
    return parse_permissions(as_object(call.body).get("permissions"), required=True)


def _roles(call: Call, key: str) -> tuple[Sequence[str], str | None]:
    """The names in the body, and of which type the user or group is."""
    given = as_object(call.body)
    return json_fields.strings(given, "roles", "assignment") or (), json_fields.string(given, key, "assignment") or None


def _is_full(call: Call) -> bool:
    return call.boolean("includeFullRoles")


_ANSWERED = {200: array(ref("Role"))}
_REFUSES = (400, 501)
"""501 for changes if roles are off."""

ENDPOINTS = [
    Endpoint("GET", _ROLES, list_roles, "The roles that the caller may read.", answers=_ANSWERED, refuses=_REFUSES),
    Endpoint("POST", _ROLES, create_role, "Make a role.", ref("Role"), {201: None}, (409, 501)),
    Endpoint("GET", _ROLE, get_role, "One role.", answers={200: ref("Role")}, refuses=_REFUSES, is_bare=True),
    Endpoint("DELETE", _ROLE, delete_role, "Delete a role.", answers={204: None}, refuses=_REFUSES),
    Endpoint(
        "POST",
        f"{_ROLE}/add-permissions",
        add_permissions,
        "Give a role more rights.",
        ref("Permissions"),
        refuses=_REFUSES,
        is_bare=True,
    ),
    Endpoint(
        "POST",
        f"{_ROLE}/remove-permissions",
        remove_permissions,
        "Take rights away.",
        ref("Permissions"),
        refuses=_REFUSES,
        is_bare=True,
    ),
    Endpoint(
        "POST",
        f"{_ROLE}/has-permission",
        has_permission,
        "Whether a role has a right.",
        ref("Permission"),
        {200: BOOLEAN},
        _REFUSES,
        is_bare=True,
    ),
    Endpoint(
        "GET",
        f"{_ROLE}/users",
        users_of_role,
        "Users with a role, by id.",
        answers={200: array(TEXT)},
        refuses=_REFUSES,
        deprecated=True,
        is_bare=True,
    ),
    Endpoint(
        "GET",
        f"{_ROLE}/user-assignments",
        user_assignments,
        "Users with a role.",
        answers={200: array(ref("UserAssignment"))},
        refuses=_REFUSES,
        is_bare=True,
    ),
    Endpoint(
        "GET",
        f"{_ROLE}/group-assignments",
        group_assignments,
        "Groups with a role.",
        answers={200: array(ref("GroupAssignment"))},
        refuses=_REFUSES,
        is_bare=True,
    ),
    Endpoint(
        "GET",
        f"{_USER}/roles",
        roles_of_user,
        "A user's roles.",
        answers=_ANSWERED,
        refuses=_REFUSES,
        deprecated=True,
        is_bare=True,
    ),
    Endpoint(
        "GET",
        f"{_USER}/roles/{{type}}",
        roles_of_typed_user,
        "A user's roles.",
        answers=_ANSWERED,
        refuses=_REFUSES,
        query=(FULL_ROLES,),
        is_bare=True,
    ),
    Endpoint(
        "POST",
        f"{_USER}/assign",
        assign_to_user,
        "Give a user roles.",
        ref("UserRoles"),
        refuses=_REFUSES,
    ),
    Endpoint(
        "POST",
        f"{_USER}/revoke",
        revoke_from_user,
        "Take roles from a user.",
        ref("UserRoles"),
        refuses=_REFUSES,
    ),
    Endpoint(
        "GET",
        "/v1/authz/groups/{type}",
        list_groups,
        "Groups that have roles.",
        answers={200: array(TEXT)},
        refuses=_REFUSES,
    ),
    Endpoint(
        "GET",
        f"{_GROUP}/roles/{{type}}",
        roles_of_group,
        "A group's roles.",
        answers=_ANSWERED,
        refuses=_REFUSES,
        query=(FULL_ROLES,),
        is_bare=True,
    ),
    Endpoint(
        "POST",
        f"{_GROUP}/assign",
        assign_to_group,
        "Give a group roles.",
        ref("GroupRoles"),
        refuses=_REFUSES,
        is_bare=True,
    ),
    Endpoint(
        "POST",
        f"{_GROUP}/revoke",
        revoke_from_group,
        "Take roles from a group.",
        ref("GroupRoles"),
        refuses=_REFUSES,
        is_bare=True,
    ),
]
