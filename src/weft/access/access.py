"""Access: the room as one: who is asking, what he may do, and the verbs on roles and users."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from weft.access import rights
from weft.access.authenticator import Authenticator
from weft.access.parts import RolesPart, UsersPart
from weft.access.requirement import public
from weft.access.roles import Roles
from weft.access.store import AccessStore
from weft.access.users import Users
from weft.settings.access import AccessSettings


class Access:
    """Opens the access file of ``folder``, whose lock the caller holds. ``durable``: each change is synced."""

    def __init__(self, settings: AccessSettings, folder: Path, *, durable: bool = True) -> None:
        self.settings = settings
        self.store = AccessStore(folder, sync=durable)
        self.authenticator = Authenticator(settings, self.store)
        self.rights = rights.build(self.store, settings)
        self.roles = Roles(settings, self.store, self.rights)
        self.users = Users(settings, self.store, self.rights, self.roles)

    def close(self) -> None:
        self.store.close()

    def parts(self) -> dict[str, RolesPart | UsersPart]:
        """What backups take along, by name."""
        return {"roles": RolesPart(self.store), "users": UsersPart(self.store)}

    @public
    def openid(self) -> dict[str, Any] | None:
        """Where clients get tokens; None without OIDC."""
        if not self.settings.oidc.enabled:
            return None
        issuer = self.settings.oidc.issuer.rstrip("/")
        return {
            "href": f"{issuer}/.well-known/openid-configuration",
            "clientId": self.settings.oidc.client_id,
            "scopes": list(self.settings.oidc.scopes),
        }
