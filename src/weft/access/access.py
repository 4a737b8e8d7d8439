"""Access: authentication, rights, and the verbs on roles, their assignments and users, in one object."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from weft.access import rights
from weft.access.assignments import Assignments
from weft.access.authenticator import Authenticator
from weft.access.parts import RolesPart, UsersPart
from weft.access.requirement import public
from weft.access.roles import Roles
from weft.access.store import AccessStore
from weft.access.users import Users
from weft.settings.access import AccessSettings


@dataclass(frozen=True, slots=True)
class OpenIdInfo:
    """Where clients get tokens: the URL of the provider's configuration, the client id and the scopes to request."""

    configuration_url: str
    client_id: str
    scopes: tuple[str, ...]


class Access:
    """Opens the access file of ``folder``, whose lock the caller holds."""

    def __init__(self, settings: AccessSettings, folder: Path, *, durable: bool = True) -> None:
        self._settings = settings
        self.store = AccessStore(folder, sync=durable)
        self.authenticator = Authenticator(settings, self.store)
        self.rights = rights.build(self.store, settings)
        self.roles = Roles(settings.rbac, self.store, self.rights)
        self.assignments = Assignments(settings, self.store, self.rights)
        self.users = Users(settings, self.store, self.rights)

    def close(self) -> None:
        self.store.close()

    def parts(self) -> dict[str, RolesPart | UsersPart]:
        """The parts that backups include, by name."""
        return {"roles": RolesPart(self.store), "users": UsersPart(self.store)}

    @public
    def openid(self) -> OpenIdInfo | None:
        """None if OIDC is off."""
        oidc = self._settings.oidc
        if not oidc.enabled:
            return None
        url = f"{oidc.issuer.rstrip('/')}/.well-known/openid-configuration"
        return OpenIdInfo(url, oidc.client_id, oidc.scopes)
