"""Who the caller is: anonymous, a key of the settings, a database user's key, or a token of an identity provider."""

from __future__ import annotations

from typing import TYPE_CHECKING

from weft.access import keys
from weft.access.audit_log import AuditLog
from weft.access.store import AccessStore
from weft.domain.caller import Caller, Credentials
from weft.domain.errors import Unauthenticated
from weft.settings.access import AccessSettings, OidcSettings

if TYPE_CHECKING:
    from weft.access.oidc import Identity, OidcProvider


class Authenticator:
    """Who cannot be authenticated is recorded in ``audit``. Each request begins here, so here is where it gets what
    other servers have changed."""

    def __init__(self, settings: AccessSettings, store: AccessStore, audit: AuditLog | None = None) -> None:
        self._audit = audit
        self._anonymous = settings.anonymous
        self._store = store if settings.db_users_enabled else None
        self._shared = store if store.is_shared else None
        self._secret = keys.new_secret()
        self._users = {keys.digest(self._secret, key): user for key, user in environment_keys(settings)}
        self._provider = _provider(settings.oidc) if settings.oidc.enabled else None
        ways = [("API-keys", bool(self._users) or settings.db_users_enabled), ("OIDC", settings.oidc.enabled)]
        self._ways = ", ".join(name for name, is_on in ways if is_on)

    def prepare(self) -> None:
        """Begins what the first caller would wait for: to fetch the identity provider's keys. Returns at once."""
        if self._provider is not None:
            self._provider.prepare()

    def authenticate(self, authorization: str | None, credentials: Credentials) -> Caller:
        """The caller of a request with this ``Authorization`` header and these credentials for providers.

        Raises Unauthenticated.

        A header that does not begin with ``Bearer`` is ignored. Waits for the identity provider if necessary.
        """
        if self._shared is not None:
            self._shared.follow()
        caller = self._recognised(authorization, credentials)
        if caller is not None:
            return caller
        assert self._provider is not None and authorization is not None
        try:
            return _identified(self._provider.identify(_token(authorization)), credentials)
        except Unauthenticated as error:
            self._record(credentials, error)
            raise

    def recognise(self, authorization: str | None, credentials: Credentials) -> Caller | None:
        """As ``authenticate``, but without waiting: None for a token that may require the identity provider's keys, and
        where other servers may have changed who the caller is."""
        return None if self._shared is not None else self._recognised(authorization, credentials)

    def _recognised(self, authorization: str | None, credentials: Credentials) -> Caller | None:
        try:
            return self._known(authorization, credentials)
        except Unauthenticated as error:
            self._record(credentials, error)
            raise

    def _record(self, credentials: Credentials, error: Unauthenticated) -> None:
        if self._audit is not None:
            self._audit.not_authenticated(credentials.address, error.message)

    def _known(self, authorization: str | None, credentials: Credentials) -> Caller | None:
        token = _token(authorization)
        if not token or not self._ways:
            if self._anonymous:
                return Caller(credentials=credentials)
            raise Unauthenticated(
                "anonymous access not enabled. Please authenticate through one of the available methods: "
                f"[{self._ways}]"
            )
        if self._provider is not None and token.count(".") == 2:
            known = self._provider.recall(token)
            return None if known is None else _identified(known, credentials)
        return Caller(self._user(token), credentials=credentials)

    def check_still(self, caller: Caller, authorization: str | None) -> None:
        """Raises Unauthenticated unless the header of a call that is under way still means ``caller``: the key was not
        rotated or revoked, the user not deactivated or deleted, the token has not expired.

        For calls that last. About 3 µs for a key; a token is verified again every minute.
        """
        now = self.authenticate(authorization, caller.credentials)
        if (now.user, now.user_type, now.groups) != (caller.user, caller.user_type, caller.groups):
            raise Unauthenticated("unauthorized: the credentials of this call now belong to another user; call again")

    def _user(self, key: str) -> str:
        """The user that the key belongs to. Raises Unauthenticated."""
        known = self._store.find(key) if self._store is not None else None
        if known is not None and self._store is not None:
            user, record = known
            if not record.active:
                raise Unauthenticated("unauthorized: user deactivated")
            self._store.used(user)
            return user
        found = self._users.get(keys.digest(self._secret, key)) if self._users else None
        if found is None or (self._store is not None and found in self._store.state.adopted):
            raise Unauthenticated("unauthorized: invalid api key, please provide a valid api key")
        return found


def environment_keys(settings: AccessSettings) -> list[tuple[str, str]]:
    """(key, its user) from the settings: one user for each key, or one for all."""
    if not settings.apikey_enabled:
        return []
    allowed, users = settings.apikeys, settings.apikey_users
    return list(zip(allowed, users if len(users) == len(allowed) else users * len(allowed), strict=True))


def _provider(settings: OidcSettings) -> OidcProvider:
    from weft.access.oidc import OidcProvider  # its libraries take 0.1 s of a start that needs no OIDC

    return OidcProvider(settings)


def _token(authorization: str | None) -> str:
    if not authorization:
        return ""
    scheme, _, token = authorization.partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


def _identified(identity: Identity, credentials: Credentials) -> Caller:
    return Caller(identity.user, identity.groups, "oidc", credentials)
