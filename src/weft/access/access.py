"""Access: authentication, rights, and the verbs on roles, their assignments and users, in one object."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from weft.access import rights
from weft.access.assignments import Assignments
from weft.access.audit_log import AuditLog
from weft.access.authenticator import Authenticator, environment_keys
from weft.access.parts import RolesPart, UsersPart
from weft.access.requirement import public
from weft.access.roles import Roles
from weft.access.store import PUBLISHED, AccessStore
from weft.access.users import Users
from weft.files.publication import Publication, path_in
from weft.settings.access import AccessSettings


@dataclass(frozen=True, slots=True)
class OpenIdInfo:
    """Where clients get tokens: the URL of the provider's configuration, the client id and the scopes to request."""

    configuration_url: str
    client_id: str
    scopes: tuple[str, ...]


class Access:
    """Opens the access file of ``folder``, whose lock the caller holds; or takes the ``store`` that has it open.
    ``audit`` has those who cannot be authenticated."""

    def __init__(
        self,
        settings: AccessSettings,
        folder: Path,
        *,
        durable: bool = True,
        store: AccessStore | None = None,
        audit: AuditLog | None = None,
    ) -> None:
        self._settings = settings
        published = path_in(folder, PUBLISHED)
        self.store = store or AccessStore(folder, sync=durable, publication=Publication(published))
        self.authenticator = Authenticator(settings, self.store, audit)
        self.rights = rights.build(self.store, settings)
        self.roles = Roles(settings.rbac, self.store, self.rights)
        self.assignments = Assignments(settings, self.store, self.rights)
        self.users = Users(settings, self.store, self.rights)

    def close(self) -> None:
        self.store.close()

    def parts(self) -> dict[str, RolesPart | UsersPart]:
        """The parts that backups include, by name."""
        known = frozenset(user for _, user in environment_keys(self._settings)) | {*self._settings.rbac.root_users}
        return {"roles": RolesPart(self.store, known), "users": UsersPart(self.store, known)}

    @public
    def openid(self) -> OpenIdInfo | None:
        """None if OIDC is off."""
        oidc = self._settings.oidc
        if not oidc.enabled:
            return None
        url = f"{oidc.issuer.rstrip('/')}/.well-known/openid-configuration"
        return OpenIdInfo(url, oidc.client_id, oidc.scopes)
