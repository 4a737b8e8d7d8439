"""AWS Signature Version 4: the headers that sign a request with a secret key.

The path is encoded once more than it is sent, as all services but S3 expect.
Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from urllib.parse import SplitResult, parse_qsl, quote, urlsplit

_ALGORITHM = "AWS4-HMAC-SHA256"


@dataclass(frozen=True, slots=True)
class AwsCredentials:
    """``session_token``: of temporary credentials; else empty. The secrets are not part of the representation."""

    access_key: str
    secret_key: str = field(repr=False)
    session_token: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class AwsSigner:
    """Signs POST requests to one service of one region, with the time at which it is called."""

    credentials: AwsCredentials
    region: str
    service: str

    def __call__(self, url: str, content: bytes, headers: Mapping[str, str]) -> dict[str, str]:
        now = datetime.now(UTC)
        return signed_headers("POST", url, content, headers, self.credentials, self.region, self.service, at=now)


def signed_headers(
    method: str,
    url: str,
    content: bytes,
    headers: Mapping[str, str],
    credentials: AwsCredentials,
    region: str,
    service: str,
    *,
    at: datetime,
) -> dict[str, str]:
    """The headers to send besides ``headers``, which they sign too. ``url`` is as it is sent; ``at`` is in UTC."""
    moment = at.strftime("%Y%m%dT%H%M%SZ")
    added = {"X-Amz-Date": moment}
    if credentials.session_token:
        added["X-Amz-Security-Token"] = credentials.session_token
    signed = {name.lower(): " ".join(value.split()) for name, value in {**headers, **added}.items()}
    signed["host"] = _host(urlsplit(url))
    names = ";".join(sorted(signed))
    scope = f"{moment[:8]}/{region}/{service}/aws4_request"
    to_sign = "\n".join([_ALGORITHM, moment, scope, _digest(_canonical(method, url, content, signed, names).encode())])
    signature = _keyed(_key(credentials.secret_key, scope), to_sign).hex()
    credential = f"{credentials.access_key}/{scope}"
    added["Authorization"] = f"{_ALGORITHM} Credential={credential}, SignedHeaders={names}, Signature={signature}"
    return added


def _host(parts: SplitResult) -> str:
    """The header ``Host``, as clients send it: without a user, and without the usual port."""
    usual = ":443" if parts.scheme == "https" else ":80"
    return parts.netloc.rpartition("@")[2].lower().removesuffix(usual)


def _canonical(method: str, url: str, content: bytes, signed: Mapping[str, str], names: str) -> str:
    parts = urlsplit(url)
    pairs = sorted((_quoted(name), _quoted(value)) for name, value in parse_qsl(parts.query, keep_blank_values=True))
    listed = "".join(f"{name}:{signed[name]}\n" for name in names.split(";"))
    query = "&".join(f"{name}={value}" for name, value in pairs)
    return "\n".join([method, quote(parts.path or "/", safe="/-_.~"), query, listed, names, _digest(content)])


def _key(secret_key: str, scope: str) -> bytes:
    key = f"AWS4{secret_key}".encode()
    for part in scope.split("/"):
        key = _keyed(key, part)
    return key


def _keyed(key: bytes, text: str) -> bytes:
    return hmac.new(key, text.encode(), hashlib.sha256).digest()


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _quoted(text: str) -> str:
    return quote(text, safe="-_.~")
