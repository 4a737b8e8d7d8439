"""Tokens of an identity provider (OpenID Connect): signed JSON Web Tokens, checked with the provider's public keys.

A token must be signed by RS, PS or ES with SHA-2, come from the issuer, be for the client unless that check is off, and
be neither expired nor not yet valid. While a provider cannot be reached, tokens whose keys are not known are refused,
but the server starts and runs.
"""

from __future__ import annotations

import hashlib
import time
from dataclasses import dataclass
from typing import Final, TypeGuard

import orjson
from joserfc import jws
from joserfc.errors import JoseError

from weft.access.issuer_keys import IssuerKeys
from weft.domain.errors import Unauthenticated
from weft.domain.json_values import JsonObject
from weft.settings.access import OidcSettings

_ALGORITHMS: Final = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512")
_TRUSTED_FOR_S = 60.0
"""How long a verified token is trusted; after that its key must still be the provider's."""
_MAX_TRUSTED = 10_000


@dataclass(frozen=True, slots=True)
class Identity:
    user: str
    groups: tuple[str, ...]


class OidcProvider:
    """One issuer. ``recall`` never waits; ``identify`` may wait for the provider's keys: for a second, and five seconds
    while there are none."""

    def __init__(self, settings: OidcSettings) -> None:
        self._issuer = settings.issuer
        self._client_id = None if settings.skip_client_id_check else settings.client_id
        self._username_claim = settings.username_claim
        self._groups_claim = settings.groups_claim
        self._keys = IssuerKeys(settings)
        self._trusted: dict[bytes, tuple[Identity, float]] = {}

    def prepare(self) -> None:
        """Begins to fetch the provider's keys. Returns at once."""
        self._keys.fetch()

    def recall(self, token: str) -> Identity | None:
        """The identity of a token that was verified recently, or None."""
        known = self._trusted.get(_fingerprint(token))
        return known[0] if known is not None and known[1] > time.time() else None

    def identify(self, token: str) -> Identity:
        """Raises Unauthenticated with the reason."""
        known = self.recall(token)
        if known is not None:
            return known
        claims, expires = self._verified(token)
        identity = self._identity(claims)
        if len(self._trusted) >= _MAX_TRUSTED:
            self._trusted = {}
        until = min(expires, time.time() + _TRUSTED_FOR_S)
        self._trusted[_fingerprint(token)] = (identity, until)
        return identity

    def _verified(self, token: str) -> tuple[JsonObject, float]:
        """The token's claims, and when it expires, in Unix seconds."""
        try:
            header = jws.extract_compact(token.encode()).headers()
        except (JoseError, ValueError):
            raise Unauthenticated("unauthorized: the token is not a signed JSON Web Token") from None
        algorithm = header.get("alg")
        if algorithm not in _ALGORITHMS:
            raise Unauthenticated(f"unauthorized: tokens signed by {str(algorithm)[:20]!r} are not accepted")
        kid = header.get("kid")
        key = self._keys.key(kid if isinstance(kid, str) else None)
        try:
            payload = jws.deserialize_compact(token, key, algorithms=[algorithm]).payload
            claims = orjson.loads(payload or b"")
        except (JoseError, ValueError):
            raise Unauthenticated("unauthorized: failed to verify the token's signature") from None
        if not isinstance(claims, dict):
            raise Unauthenticated("unauthorized: the token holds no claims")
        return claims, self._check(claims)

    def _check(self, claims: JsonObject) -> float:
        if claims.get("iss") != self._issuer:
            raise Unauthenticated(f"unauthorized: the token was issued by {str(claims.get('iss'))[:200]!r}")
        audience = claims.get("aud")
        if self._client_id is not None and self._client_id not in (
            audience if isinstance(audience, list) else [audience]
        ):
            raise Unauthenticated(f"unauthorized: the token is for {str(audience)[:200]!r}, not for this server")
        now = time.time()
        expires, begins = claims.get("exp"), claims.get("nbf", 0)
        if not _is_time(expires) or not _is_time(begins):
            raise Unauthenticated("unauthorized: the token has no expiry time")
        if expires <= now:
            raise Unauthenticated("unauthorized: the token is expired")
        if begins > now:
            raise Unauthenticated("unauthorized: the token is not valid yet")
        return float(expires)

    def _identity(self, claims: JsonObject) -> Identity:
        user = claims.get(self._username_claim)
        if not isinstance(user, str) or not user:
            raise Unauthenticated(
                f"unauthorized: the token doesn't contain the required claim '{self._username_claim}'"
            )
        groups = claims.get(self._groups_claim) if self._groups_claim else None
        if isinstance(groups, str):
            return Identity(user, (groups,))
        found = groups if isinstance(groups, list) else ()
        return Identity(user, tuple(dict.fromkeys(one for one in found if isinstance(one, str))))


def _fingerprint(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "surrogateescape")).digest()


def _is_time(value: object) -> TypeGuard[int | float]:
    return isinstance(value, int | float) and not isinstance(value, bool)
