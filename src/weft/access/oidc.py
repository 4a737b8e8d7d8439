"""Tokens of an identity provider (OpenID Connect): signed JSON Web Tokens, checked with the provider's public keys.

A token must be signed by RS, PS or ES with SHA-2, come from the issuer, be for the client unless that check is off, and
be neither expired nor not yet valid. The keys are fetched for the first token, and again when one names an unknown key;
while a provider cannot be reached its tokens are refused, but the server starts and runs.
"""

from __future__ import annotations

import hashlib
import logging
import math
import ssl
import threading
import time
from collections import deque
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeAlias, TypeGuard

import httpx
import orjson
from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, KeySet, RSAKey

from weft.domain.errors import Misconfigured, Unauthenticated
from weft.domain.json_values import JsonObject
from weft.settings.access import OidcSettings

log = logging.getLogger(__name__)

_ALGORITHMS: Final = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512")
_TIMEOUT_S = 5.0
_REFRESH_AFTER_S = 3600.0
_MAX_FETCHES = 10
_FETCHES_WITHIN_S = 60.0
"""Limits the requests to the provider, however many tokens name unknown keys."""
_TRUSTED_FOR_S = 60.0
"""How long a verified token is trusted; after that its key must still be the provider's."""
_MAX_TRUSTED = 10_000
_MAX_BYTES = 1 << 20

_Key: TypeAlias = RSAKey | ECKey


@dataclass(frozen=True, slots=True)
class Identity:
    user: str
    groups: tuple[str, ...]


class OidcProvider:
    """One issuer. ``recall`` never waits; ``identify`` may fetch the provider's keys."""

    def __init__(self, settings: OidcSettings) -> None:
        self._issuer = settings.issuer
        self._client_id = None if settings.skip_client_id_check else settings.client_id
        self._username_claim = settings.username_claim
        self._groups_claim = settings.groups_claim
        self._jwks_url = settings.jwks_url
        self._tls = _tls(settings)
        self._lock = threading.Lock()
        self._keys: dict[str | None, _Key] = {}
        self._fetched = -math.inf
        self._fetches: deque[float] = deque(maxlen=_MAX_FETCHES)
        self._failure = ""
        self._trusted: dict[bytes, tuple[Identity, float]] = {}

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
        key = self._key(header.get("kid"))
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

    # -- keys

    def _key(self, kid: object) -> _Key:
        """The key of that name, or the only one for a token that names none."""
        kid = kid if isinstance(kid, str) else None
        asked_at = time.monotonic()
        if self._find(kid) is None or asked_at - self._fetched > _REFRESH_AFTER_S:
            self._refresh(asked_at)
        found = self._find(kid)
        if found is None and not self._keys:
            raise Unauthenticated(f"unauthorized: the keys of {self._issuer} could not be fetched: {self._failure}")
        if found is None:
            raise Unauthenticated("unauthorized: the token is signed by a key that is not the issuer's")
        return found

    def _find(self, kid: str | None) -> _Key | None:
        only = next(iter(self._keys.values())) if kid is None and len(self._keys) == 1 else None
        return self._keys.get(kid, only)

    def _refresh(self, asked_at: float) -> None:
        """Fetch the keys again, unless another thread did while this one waited."""
        with self._lock:
            now = time.monotonic()
            if self._fetched > asked_at or (
                len(self._fetches) == _MAX_FETCHES and now - self._fetches[0] < _FETCHES_WITHIN_S
            ):
                return
            self._fetches.append(now)
            try:
                self._keys = self._fetch_keys()
                self._fetched = time.monotonic()
            except (httpx.HTTPError, JoseError, ValueError, KeyError, TypeError) as error:
                self._failure = f"{type(error).__name__}: {str(error)[:200]}"
                log.warning("the keys of %s could not be fetched: %s", self._issuer, self._failure)

    def _fetch_keys(self) -> dict[str | None, _Key]:
        with httpx.Client(timeout=_TIMEOUT_S, verify=self._tls, follow_redirects=False) as client:
            url = self._jwks_url
            if not url:
                found = _get(client, f"{self._issuer.rstrip('/')}/.well-known/openid-configuration")
                if found["issuer"] != self._issuer:
                    raise ValueError(f"it states another issuer, {str(found['issuer'])[:200]!r}")
                url = found["jwks_uri"]
            document = _get(client, url)
        signing = [
            one for one in document["keys"] if one.get("use", "sig") == "sig" and one.get("kty") in ("RSA", "EC")
        ]
        keys = KeySet.import_key_set({"keys": signing}).keys
        return {one.get("kid"): key for one, key in zip(signing, keys, strict=True) if isinstance(key, RSAKey | ECKey)}


def _get(client: httpx.Client, url: str) -> dict[str, Any]:
    with client.stream("GET", url) as response:
        response.raise_for_status()
        data = b""
        for part in response.iter_bytes():
            data += part
            if len(data) > _MAX_BYTES:
                raise ValueError(f"{url} answers with more than {_MAX_BYTES} bytes")
    found = orjson.loads(data)
    if not isinstance(found, dict):
        raise ValueError(f"{url} does not answer with a JSON object")
    return found


def _tls(settings: OidcSettings) -> ssl.SSLContext | bool:
    if settings.insecure_skip_tls_verify:
        return False
    if not settings.certificate:
        return True
    text = settings.certificate
    try:
        if "-----BEGIN" not in text:
            text = Path(text).read_text(encoding="ascii")
        return ssl.create_default_context(cadata=text)
    except (OSError, ValueError) as error:
        raise Misconfigured(
            f"oidc_certificate is neither a certificate nor the path of one ({error}); give PEM text or a file"
        ) from error


def _fingerprint(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "surrogateescape")).digest()


def _is_time(value: object) -> TypeGuard[int | float]:
    return isinstance(value, int | float) and not isinstance(value, bool)
