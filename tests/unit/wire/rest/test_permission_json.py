"""Permissions as JSON: what is accepted, and how it is spelled in answers."""

from __future__ import annotations

from typing import Any

import pytest

from weft.access.permissions import ACTIONS, everything
from weft.domain.errors import Invalid
from weft.wire.rest.permission_json import parse_permission, permission_json


@pytest.mark.parametrize("action", ACTIONS)
def test_every_permission_is_read_back_as_written(action: str) -> None:
    assert parse_permission(permission_json(everything(action))) == everything(action)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"action": "read_data"}, {"action": "read_data", "data": {"collection": "*", "tenant": "*", "object": "*"}}),
        (
            {"action": "read_data", "data": {"collection": "movies", "tenant": ""}},
            {"action": "read_data", "data": {"collection": "Movies", "tenant": "*", "object": "*"}},
        ),
        (
            {"action": "read_aliases", "aliases": {"alias": "flicks"}},
            {"action": "read_aliases", "aliases": {"collection": "*", "alias": "Flicks"}},
        ),
        (
            {"action": "read_nodes", "nodes": {"collection": "Movies"}},
            {"action": "read_nodes", "nodes": {"verbosity": "minimal"}},
        ),
        (
            {"action": "create_roles", "roles": {"role": "r"}},
            {"action": "create_roles", "roles": {"role": "r", "scope": "match"}},
        ),
        (
            {"action": "create_roles", "roles": {"role": "r", "scope": "ALL"}},
            {"action": "create_roles", "roles": {"role": "r", "scope": "all"}},
        ),
        ({"action": "read_cluster", "data": {"collection": "x y"}}, {"action": "read_cluster"}),
        (
            {"action": "read_groups", "groups": {"groupType": "oidc", "group": "/staff"}},
            {"action": "read_groups", "groups": {"groupType": "oidc", "group": "/staff"}},
        ),
    ],
)
def test_filled_in(given: dict[str, Any], expected: dict[str, Any]) -> None:
    assert permission_json(parse_permission(given)) == expected


@pytest.mark.parametrize(
    ("given", "says"),
    [
        (None, "JSON object"),
        ({}, "invalid action"),
        ({"action": "fly_data"}, "invalid action"),
        ({"action": ["read_data"]}, "invalid action"),
        ({"action": "read_data", "data": "Movies"}, "JSON object"),
        ({"action": "read_data", "data": {"collection": 1}}, "must be a string"),
        ({"action": "read_data", "data": {"collection": "a b"}}, "class name"),
        ({"action": "read_data", "data": {"tenant": "a b"}}, "tenant name"),
        ({"action": "read_data", "data": {"object": "a/b"}}, "must not contain '/'"),
        ({"action": "read_data", "data": {"object": "a" * 257}}, "maximum length"),
        ({"action": "read_data", "data": {"object": "(a"}}, "not a valid pattern"),
        ({"action": "read_data", "data": {"object": "(a+)+b"}}, "could take too long to match"),
        ({"action": "read_data", "data": {"object": "*a*b*c*d"}}, "could take too long to match"),
        ({"action": "read_nodes", "nodes": {"verbosity": "loud"}}, "verbosity"),
        ({"action": "read_roles", "roles": {"role": "r", "scope": "some"}}, "scope"),
        ({"action": "read_groups", "groups": {"group": "g"}}, "groups type"),
        ({"action": "read_groups"}, "groups type"),
    ],
)
def test_refused(given: Any, says: str) -> None:
    with pytest.raises(Invalid, match=says):
        parse_permission(given)
