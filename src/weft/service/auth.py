"""Who is asking: anonymous access and API keys."""

from __future__ import annotations

import hmac
from collections.abc import Mapping

from weft.config import Settings
from weft.domain.caller import Caller
from weft.domain.errors import Unauthenticated


class Authenticator:
    def __init__(self, settings: Settings) -> None:
        self._anonymous = settings.anonymous_access
        keys = settings.apikey_allowed_keys if settings.apikey_enabled else ()
        users = settings.apikey_users if len(settings.apikey_users) == len(keys) else settings.apikey_users * len(keys)
        self._users = dict(zip(keys, users, strict=True)) if keys else {}

    def authenticate(self, authorization: str | None, headers: Mapping[str, str]) -> Caller:
        """The caller of a request with this ``Authorization`` header; raises Unauthenticated.

        A header that does not begin with ``Bearer`` counts as none.
        """
        scheme, _, token = (authorization or "").partition(" ")
        token = token.strip()
        if scheme.lower() != "bearer" or not token:
            if self._anonymous:
                return Caller(headers=headers)
            raise Unauthenticated(
                "anonymous access not enabled. Please authenticate through one of the available methods: [API-keys]"
            )
        if not self._users:
            if self._anonymous:
                return Caller(headers=headers)
            raise Unauthenticated("unauthorized: API keys are not enabled on this server")
        for key, user in self._users.items():
            if hmac.compare_digest(key.encode(), token.encode()):
                return Caller(user=user, headers=headers)
        raise Unauthenticated("unauthorized: invalid api key, please provide a valid api key")
