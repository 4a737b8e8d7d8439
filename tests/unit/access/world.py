"""A server in this process with some collections, and callers with roles."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

from in_process import InProcess
from weft.access import keys
from weft.access.permissions import Permission
from weft.access.state import AccessState, UserRecord
from weft.domain.caller import Caller
from weft.domain.objects import IncomingObject
from weft.domain.tenants import Tenant

OBJECT = "00000000-0000-4000-8000-000000000001"
ROOT = Caller("root-user")


class World(InProcess):
    """With the collections Movies (whose ``next`` points to Movies) and Shops (tenant ``t1``), and the alias Flicks."""

    def __init__(self, folder: Path, **settings: Any) -> None:
        given: dict[str, Any] = {
            "anonymous_access": False,
            "apikey_enabled": True,
            "apikey_allowed_keys": ("root-key", "list-key", "reader-key"),
            "apikey_users": ("root-user", "list-user", "reader-user"),
            "db_users_enabled": True,
            "rbac_enabled": True,
            "rbac_root_users": ("root-user",),
            "mcp_server_enabled": True,
        }
        super().__init__(folder, **{**given, **settings})
        self.fill()

    def fill(self) -> None:
        """Make what is missing of the collections and the alias."""
        present = {one.name for one in self.service.collections.all()}
        if "Movies" not in present:
            properties = [{"name": "title", "dataType": ["text"]}]
            vectors = {"v": {"vectorizer": {"none": {}}, "vectorIndexType": "flat"}}
            self.service.collections.create({"class": "Movies", "properties": properties, "vectorConfig": vectors})
            self.service.collections.add_property("Movies", {"name": "next", "dataType": ["Movies"]})
        if "Shops" not in present:
            self.service.collections.create({"class": "Shops", "multiTenancyConfig": {"enabled": True}})
        self.service.tenants.create("Shops", [Tenant("t1")])
        if not self.service.aliases.all():
            self.service.aliases.create("Flicks", "Movies")
        if not self.service.objects.exists("Movies", OBJECT, None):
            self.service.objects.insert(IncomingObject("Movies", OBJECT, {"title": "Alien"}), ROOT)

    def user(self, name: str, permissions: Iterable[Permission] = (), roles: Iterable[str] = ()) -> str:
        """The key of a user who has a role with ``permissions``, and ``roles``."""
        key = f"key-of-{name}"

        def edit(state: AccessState) -> tuple[AccessState, None]:
            known = UserRecord(keys.digest(state.secrets[0], key), key[:3], True, 0.0)
            return (
                replace(
                    state,
                    roles={**state.roles, f"role-{name}": tuple(permissions)},
                    assigned={**state.assigned, f"db:{name}": (f"role-{name}", *roles)},
                    users={**state.users, name: known},
                ),
                None,
            )

        self.access.store.change(edit)
        return key

    def ask(self, key: str | None, method: str, path: str, body: Any = None) -> Any:
        """The response to a REST request."""
        headers = {} if key is None else {"authorization": f"Bearer {key}"}
        return self.rest.request(method, path, headers=headers, json=body)


def give(world: World, *permissions: Permission, to: str = "jane") -> str:
    return world.user(to, permissions)


def data(verb: str, collection: str, tenant: str = "*", object: str = "*") -> Permission:
    return Permission(f"{verb}_data", (collection, tenant, object))


def message(response: Any) -> str:
    assert response.status_code == 403, response.text
    return str(response.json()["error"][0]["message"])
