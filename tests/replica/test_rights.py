"""A replica admits whom the server admits, as soon as that changes."""

from __future__ import annotations

from pathlib import Path

import pytest
import weaviate
from weaviate.classes.init import Auth
from weaviate.classes.rbac import Permissions
from weaviate.exceptions import InsufficientPermissionsError, WeaviateQueryError

from replica.conftest import ThroughReplica
from replica.front import Front
from server import Server

_SETTINGS = {
    "AUTHENTICATION_ANONYMOUS_ACCESS_ENABLED": "false",
    "AUTHENTICATION_APIKEY_ENABLED": "true",
    "AUTHENTICATION_APIKEY_ALLOWED_KEYS": "root-key",
    "AUTHENTICATION_APIKEY_USERS": "root-user",
    "AUTHENTICATION_DB_USERS_ENABLED": "true",
    "AUTHORIZATION_ENABLE_RBAC": "true",
    "AUTHORIZATION_ADMIN_USERS": "root-user",
}


def test_users_keys_and_roles_are_followed(tmp_path: Path) -> None:
    with Server(tmp_path / "data", _SETTINGS) as server, Front(server) as front:
        replicated = ThroughReplica(server, front)
        with server.client(auth_credentials=Auth.api_key("root-key")) as root:
            things = root.collections.create("Thing")
            things.data.insert({"name": "a"})
            key = root.users.db.create(user_id="jane")
            with replicated.client(auth_credentials=Auth.api_key(key)) as jane:
                its = jane.collections.use("Thing").query
                with pytest.raises(InsufficientPermissionsError):
                    its.fetch_objects()
                root.roles.create(role_name="reader", permissions=Permissions.data(collection="Thing", read=True))
                root.users.db.assign_roles(user_id="jane", role_names="reader")
                for _ in range(3):
                    assert len(its.fetch_objects().objects) == 1
                assert front.calls["answered"] >= 3, front.calls
                root.users.db.revoke_roles(user_id="jane", role_names="reader")
                with pytest.raises(InsufficientPermissionsError):
                    its.fetch_objects()
                root.users.db.assign_roles(user_id="jane", role_names="reader")
                assert len(its.fetch_objects().objects) == 1
                root.users.db.deactivate(user_id="jane", revoke_key=False)
                with pytest.raises(WeaviateQueryError, match="user deactivated"):
                    its.fetch_objects()
                root.users.db.activate(user_id="jane")
                assert len(its.fetch_objects().objects) == 1
                assert front.calls["passed"] == 1, "by which the server noted that the user was seen"
        with pytest.raises(weaviate.exceptions.WeaviateBaseError):
            replicated.client(auth_credentials=Auth.api_key("no key")).collections.use("Thing").query.fetch_objects()
