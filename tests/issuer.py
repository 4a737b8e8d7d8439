"""A small identity provider on 127.0.0.1 for tests: its configuration, its keys, and tokens that it signs."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any

from joserfc import jwt
from joserfc.jwk import ECKey, OctKey, RSAKey

CLIENT = "weft-tests"


class Issuer:
    """``requests`` counts what was asked of it, and ``gave_keys`` is set once it was the keys. ``down`` makes it answer
    with 503, and ``slow`` not before it is unset, but with a space now and then."""

    def __init__(self) -> None:
        self.keys: dict[str, RSAKey | ECKey] = {}
        self.requests: list[str] = []
        self.gave_keys = threading.Event()
        self.down = False
        self.slow = False
        self.says_issuer: str | None = None
        self.rotate("RS256", "rsa-1")
        issuer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                issuer.requests.append(self.path)
                found = None if issuer.down else issuer._document(self.path)
                self.send_response(503 if found is None else 200)
                while issuer.slow:
                    try:
                        self.send_header("X-Slow", "slow")
                        self.flush_headers()
                    except OSError:
                        return
                    time.sleep(0.05)
                self.end_headers()
                self.wfile.write(b"" if found is None else json.dumps(found).encode())
                if "keys" in (found or ()):
                    issuer.gave_keys.set()

            def log_message(self, format: str, *args: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self._thread.start()

    def _document(self, path: str) -> Mapping[str, Any] | None:
        if path == "/.well-known/openid-configuration":
            return {"issuer": self.says_issuer or self.url, "jwks_uri": f"{self.url}/keys"}
        public = [{**key.as_dict(private=False), "kid": kid, "use": "sig"} for kid, key in self.keys.items()]
        extra = {"kty": "OKP", "crv": "Ed25519", "x": "AAAA", "kid": "of a kind that is not used", "use": "sig"}
        return {"keys": [*public, extra]} if path == "/keys" else None

    def rotate(self, algorithm: str, kid: str) -> None:
        """Sign with a new key; the old ones are gone."""
        self.algorithm, self.kid = algorithm, kid
        self.key = RSAKey.generate_key(2048) if algorithm.startswith(("R", "P")) else ECKey.generate_key("P-256")
        self.keys = {kid: self.key}

    def token(self, headers: Mapping[str, Any] | None = None, **claims: Any) -> str:
        """A token for jane, valid for an hour, with ``claims`` in place of its own; None leaves one out."""
        now = int(time.time())
        given = {"iss": self.url, "aud": CLIENT, "sub": "jane", "iat": now, "exp": now + 3600, **claims}
        header = {"alg": self.algorithm, "kid": self.kid, **(headers or {})}
        header = {name: value for name, value in header.items() if value is not None}
        key = OctKey.import_key("secret" * 8) if header["alg"] == "HS256" else self.key
        body = {name: value for name, value in given.items() if value is not None}
        return jwt.encode(header, body, key, algorithms=[header["alg"]])

    def settings(self) -> dict[str, Any]:
        return {
            "oidc_enabled": True,
            "oidc_issuer": self.url,
            "oidc_client_id": CLIENT,
            "oidc_username_claim": "sub",
            "oidc_groups_claim": "groups",
            "oidc_scopes": ("openid", "email"),
        }

    def __enter__(self) -> Issuer:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
