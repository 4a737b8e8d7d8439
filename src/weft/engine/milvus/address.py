"""Addresses of Milvus and of Zilliz Cloud, as ``WEFT_ENGINE`` gives them.

    milvus://[TOKEN@]HOST[:PORT][/DATABASE][?prefix=NAME&tls=true&consistency=bounded]

TOKEN is an API key of Zilliz Cloud, or ``user:password``. The connection is encrypted for hosts of Zilliz Cloud, on
port 443 and with ``tls=true``. ``prefix`` begins the name of everything that Weft makes there, so that several can
share it. ``consistency`` is that of searches: ``strong``, or ``bounded``, which is faster and may miss what was written
in the last seconds.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import parse_qs, unquote, urlsplit

from weft.domain.errors import Misconfigured

_PORT: Final = 19530
_TLS_PORT: Final = 443
_FORM: Final = "milvus://[TOKEN@]HOST[:PORT][/DATABASE][?prefix=NAME&tls=true&consistency=bounded]"
_CLOUD: Final = (".zillizcloud.com", ".zillizcloud.com.cn", ".cloud.zilliz.com", ".cloud.zilliz.com.cn")
_CONSISTENCIES: Final = {"strong": "Strong", "bounded": "Bounded"}
_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}")


@dataclass(frozen=True, slots=True)
class MilvusAddress:
    """``uri`` has no credentials in it."""

    uri: str
    token: str = field(default="", repr=False)
    database: str = ""
    prefix: str = "weft_"
    consistency: str = "Strong"


def parse_address(address: str) -> MilvusAddress:
    """Raises Misconfigured, without quoting the address, which may have a secret in it."""
    try:
        parts = urlsplit(address)
        host, port = parts.hostname, parts.port
        asked = parse_qs(parts.query, strict_parsing=bool(parts.query), keep_blank_values=True)
    except ValueError:
        raise Misconfigured(f"the address of Milvus cannot be read; expected the form {_FORM}") from None
    if parts.scheme != "milvus" or not host:
        raise Misconfigured(f"the address of Milvus has no host; expected the form {_FORM}")
    unknown = asked.keys() - {"prefix", "tls", "consistency"}
    if unknown:
        raise Misconfigured(f"the address of Milvus has an unknown option {sorted(unknown)[0]!r}; expected {_FORM}")
    database, prefix, tls = parts.path.strip("/"), asked.get("prefix", ["weft_"])[-1], asked.get("tls", [""])[-1]
    for name, value in (("database", database or "default"), ("prefix", prefix)):
        if not _NAME.fullmatch(value):
            raise Misconfigured(f"the {name} of Milvus may have letters, digits and underscores, got {value[:80]!r}")
    if tls not in ("", "true", "false"):
        raise Misconfigured(f"tls is true or false in the address of Milvus, got {tls[:80]!r}")
    consistency = _CONSISTENCIES.get(asked.get("consistency", ["strong"])[-1])
    if consistency is None:
        raise Misconfigured(f"consistency is {' or '.join(_CONSISTENCIES)} in the address of Milvus")
    cloud = host.endswith(_CLOUD)
    encrypted = tls == "true" or (tls == "" and (cloud or port == _TLS_PORT))
    in_brackets = f"[{host}]" if ":" in host else host
    uri = f"{'https' if encrypted else 'http'}://{in_brackets}:{port or (_TLS_PORT if cloud else _PORT)}"
    user, _, secret = (parts.netloc.rpartition("@")[0]).partition(":")
    token = unquote(user) + (f":{unquote(secret)}" if secret else "")
    return MilvusAddress(uri, token, database, prefix, consistency)
