"""Access: the room as one: who is asking, what he may do, and the verbs on roles and users."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from weft.access import rights
from weft.access.authenticator import Authenticator
from weft.access.roles import Roles
from weft.access.store import AccessStore, dump, load
from weft.access.users import Users
from weft.config import Settings


class Access:
    """Opens the access file of ``folder``, whose lock the caller holds."""

    def __init__(self, settings: Settings, folder: Path) -> None:
        self.settings = settings
        self.store = AccessStore(folder, sync=settings.durable)
        self.authenticator = Authenticator(settings, self.store)
        self.rights = rights.build(self.store, settings)
        self.roles = Roles(settings, self.store, self.rights)
        self.users = Users(settings, self.store, self.rights, self.roles)

    def close(self) -> None:
        self.store.close()

    # -- for backups

    def dump_roles(self) -> dict[str, Any]:
        """Roles and who has them, as JSON."""
        content = dump(self.store.state)
        return {name: content[name] for name in ("roles", "assigned")}

    def dump_users(self) -> dict[str, Any]:
        """Users with the hashes of their keys, as JSON. It is secret."""
        content = dump(self.store.state)
        return {name: content[name] for name in ("secret", "users")}

    def load_roles(self, document: Mapping[str, Any]) -> None:
        """Put the roles and assignments of ``dump_roles`` in the place of those that are here."""
        found = load({"secret": "", "users": {}, **document})
        self.store.change(lambda state: (replace(state, roles=found.roles, assigned=found.assigned), None))

    def load_users(self, document: Mapping[str, Any]) -> None:
        """Put the users of ``dump_users`` in the place of those that are here; their keys are good again."""
        found = load({"roles": {}, "assigned": {}, **document})
        self.store.change(lambda state: (replace(state, users=found.users, secret=found.secret), None))

    def openid(self) -> dict[str, Any] | None:
        """Where clients get tokens; None without OIDC."""
        if not self.settings.oidc_enabled:
            return None
        issuer = self.settings.oidc_issuer.rstrip("/")
        return {
            "href": f"{issuer}/.well-known/openid-configuration",
            "clientId": self.settings.oidc_client_id,
            "scopes": list(self.settings.oidc_scopes),
        }
