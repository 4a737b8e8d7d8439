"""IssuerKeys: the public keys of an identity provider, fetched on a thread of their own, one fetch at a time.

They are fetched when the server starts, again when a token names an unknown key, and, while the known ones stay in use,
when they are an hour old. A token whose key is unknown waits for the fetch, but only with a few others, and once any
keys are known for a second at most, so that a provider that hangs holds no threads; after it has hung, tokens with
unknown keys are refused at once for a while.
"""

from __future__ import annotations

import logging
import math
import ssl
import threading
import time
from collections import deque
from pathlib import Path
from typing import Any, Final, TypeAlias

import httpx
import orjson
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, KeySet, RSAKey

from weft.domain.errors import Misconfigured, Unauthenticated
from weft.domain.outgoing import client, within_s
from weft.settings.access import OidcSettings

log = logging.getLogger(__name__)

_FETCH_S: Final = 5.0
"""For the provider's configuration and its keys together."""
_FIRST_WAIT_S: Final = 5.0
"""While no keys are known: without them every token is refused."""
_WAIT_S: Final = 1.0
_MOST_WAITING: Final = 12
_SLOW_S: Final = 1.0
_PAUSE_S: Final = 10.0
"""After a fetch that failed, and took longer than ``_SLOW_S`` to fail."""
_REFRESH_AFTER_S: Final = 3600.0
_MAX_FETCHES: Final = 10
_FETCHES_WITHIN_S: Final = 60.0
"""Limits the requests to the provider, however many tokens name unknown keys."""
_MAX_BYTES: Final = 1 << 20

Key: TypeAlias = RSAKey | ECKey


class IssuerKeys:
    def __init__(self, settings: OidcSettings) -> None:
        self._issuer = settings.issuer
        self._url = settings.jwks_url
        self._tls = _tls(settings)
        self._lock = threading.Lock()
        self._keys: dict[str | None, Key] = {}
        self._fetched = -math.inf
        self._fetches: deque[float] = deque(maxlen=_MAX_FETCHES)
        self._fetch: _Fetch | None = None
        """The one that is under way."""
        self._paused_until = -math.inf
        self._waiting = threading.BoundedSemaphore(_MOST_WAITING)
        self._failure = "they are being fetched; try again in a moment"

    def fetch(self) -> None:
        """Begins to fetch them, so that the first token need not wait. Returns at once."""
        self._begin()

    def key(self, kid: str | None) -> Key:
        """The key of that name, or the only one for a token that names none. Raises Unauthenticated."""
        found = self._find(kid)
        if found is None or time.monotonic() - self._fetched > _REFRESH_AFTER_S:
            fetch = self._begin()
            if found is None and fetch is not None and self._waiting.acquire(blocking=False):
                try:
                    wait_s = _WAIT_S if self._keys else _FIRST_WAIT_S
                    fetch.ended.wait(fetch.began + wait_s - time.monotonic())
                finally:
                    self._waiting.release()
                found = self._find(kid)
        if found is None and not self._keys:
            raise Unauthenticated(f"unauthorized: the keys of {self._issuer} could not be fetched: {self._failure}")
        if found is None:
            raise Unauthenticated("unauthorized: the token is signed by a key that is not the issuer's")
        return found

    def _find(self, kid: str | None) -> Key | None:
        keys = self._keys
        only = next(iter(keys.values())) if kid is None and len(keys) == 1 else None
        return keys.get(kid, only)

    def _begin(self) -> _Fetch | None:
        """The fetch that is under way, or a new one; None where none may begin."""
        with self._lock:
            now = time.monotonic()
            if self._fetch is None:
                full = len(self._fetches) == _MAX_FETCHES and now - self._fetches[0] < _FETCHES_WITHIN_S
                if full or now < self._paused_until:
                    return None
                self._fetches.append(now)
                self._fetch = _Fetch(now)
                threading.Thread(target=self._run, args=(self._fetch,), name="weft-oidc", daemon=True).start()
            return self._fetch

    def _run(self, fetch: _Fetch) -> None:
        try:
            self._keys = self._fetch_keys()
            self._fetched = time.monotonic()
        except (httpx.HTTPError, JoseError, ValueError, KeyError, TypeError) as error:
            self._failure = f"{type(error).__name__}: {str(error)[:200]}"
            log.warning("the keys of %s could not be fetched: %s", self._issuer, self._failure)
            now = time.monotonic()
            if now - fetch.began > _SLOW_S:
                self._paused_until = now + _PAUSE_S
        finally:
            with self._lock:
                self._fetch = None
            fetch.ended.set()

    def _fetch_keys(self) -> dict[str | None, Key]:
        with client(timeout_s=_FETCH_S, verify=self._tls) as http, within_s(_FETCH_S):
            url = self._url
            if not url:
                found = _get(http, f"{self._issuer.rstrip('/')}/.well-known/openid-configuration")
                if found["issuer"] != self._issuer:
                    raise ValueError(f"it states another issuer, {str(found['issuer'])[:200]!r}")
                url = found["jwks_uri"]
            document = _get(http, url)
        signing = [
            one for one in document["keys"] if one.get("use", "sig") == "sig" and one.get("kty") in ("RSA", "EC")
        ]
        keys = KeySet.import_key_set({"keys": signing}).keys
        return {one.get("kid"): key for one, key in zip(signing, keys, strict=True) if isinstance(key, RSAKey | ECKey)}


class _Fetch:
    """``began`` by ``time.monotonic``."""

    def __init__(self, began: float) -> None:
        self.began = began
        self.ended = threading.Event()


def _get(http: httpx.Client, url: str) -> dict[str, Any]:
    with http.stream("GET", url) as response:
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
