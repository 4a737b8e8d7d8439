"""Addresses of places: ``http://host:8080?grpc=50051``, ``qdrant://host:6333/collection``, a folder.

A key in an address is taken out of it: messages, reports and files have the address without it.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from enum import Enum
from typing import Final
from urllib.parse import parse_qs, unquote, urlsplit

from weft.domain.errors import Invalid

_GRPC_PORT: Final = 50051
_PORTS: Final = {"qdrant": 6333, "milvus": 19530, "http": 8080, "https": 443}
_FORMS: Final = (
    "http://host:8080?grpc=50051, https://…, weaviate://… or weft://…, qdrant://host:6333/collection, "
    "milvus://host:19530/collection, or a data folder"
)


class PlaceKind(Enum):
    SERVER = "a server of Weaviate's protocol"
    QDRANT = "a Qdrant server"
    MILVUS = "a Milvus server"
    FOLDER = "a data folder"


@dataclass(frozen=True, slots=True)
class PlaceAddress:
    """``text``: as it was given, without its key. ``grpc``: host and port, of a server of Weaviate's protocol.
    ``collection``: the only one that is meant, or empty. ``database``: of Milvus."""

    kind: PlaceKind
    text: str
    host: str = ""
    port: int = 0
    tls: bool = False
    grpc: tuple[str, int] = ("", 0)
    collection: str = ""
    database: str = ""
    key: str | None = field(default=None, repr=False)

    @property
    def url(self) -> str:
        return f"{'https' if self.tls else 'http'}://{_bracketed(self.host)}:{self.port}"


def move_name(source: PlaceAddress, target: PlaceAddress) -> str:
    """Begins the names of the files of this move: the same for the same two places."""
    return "weft-move-" + hashlib.sha256(f"{source.text}\n{target.text}".encode()).hexdigest()[:8]


def parse_address(text: str, key: str | None = None) -> PlaceAddress:
    """Raises Invalid. ``key`` is used unless the address has its own."""
    scheme, separator, _ = text.partition("://")
    if not separator:
        if not text:
            raise Invalid(f"an address is empty; use {_FORMS}")
        return PlaceAddress(PlaceKind.FOLDER, text)
    scheme = scheme.lower()
    if scheme not in ("http", "https", "weaviate", "weft", "qdrant", "milvus"):
        raise Invalid(f"{text.partition('?')[0]!r} is no place that can be moved; use {_FORMS}")
    try:
        parts = urlsplit(text)
        host, port = parts.hostname or "", parts.port
        options = parse_qs(parts.query, strict_parsing=bool(parts.query))
    except ValueError as error:
        raise Invalid(f"an address of the scheme {scheme} cannot be read: {error}; use {_FORMS}") from None
    plain = _without_key(text, parts.netloc)
    if not host:
        raise Invalid(f"{plain!r} names no host; use {_FORMS}")
    kind = {"qdrant": PlaceKind.QDRANT, "milvus": PlaceKind.MILVUS}.get(scheme, PlaceKind.SERVER)
    known = {"tls"} | ({"grpc"} if kind is PlaceKind.SERVER else {"db"} if kind is PlaceKind.MILVUS else set())
    if unknown := sorted(options.keys() - known):
        raise Invalid(f"{plain!r} has the unknown option {unknown[0]!r}; known: {', '.join(sorted(known))}")
    tls = scheme == "https" or _flag(options, plain)
    collection = parts.path.strip("/")
    if kind is PlaceKind.SERVER and collection:
        raise Invalid(f"{plain!r} has a path; name collections with --collection")
    default = _PORTS["https" if tls else "http"] if kind is PlaceKind.SERVER else _PORTS[scheme]
    given = unquote(":".join(one for one in (parts.username, parts.password) if one))
    return PlaceAddress(
        kind,
        plain,
        host,
        port or default,
        tls,
        _grpc(options, host, tls, plain) if kind is PlaceKind.SERVER else ("", 0),
        collection,
        options.get("db", [""])[0],
        given or key,
    )


def _without_key(text: str, netloc: str) -> str:
    return text.replace(netloc, netloc.rpartition("@")[2], 1)


def _flag(options: dict[str, list[str]], plain: str) -> bool:
    value = options.get("tls", ["false"])[0]
    if value not in ("true", "false"):
        raise Invalid(f"tls of {plain!r} must be true or false")
    return value == "true"


def _grpc(options: dict[str, list[str]], host: str, tls: bool, plain: str) -> tuple[str, int]:
    """``grpc=50051`` or ``grpc=host:443``."""
    given = options.get("grpc", [""])[0]
    if not given:
        return host, 443 if tls else _GRPC_PORT
    name, _, port = given.rpartition(":")
    if not port.isdecimal() or not 0 < int(port) < 1 << 16:
        raise Invalid(f"grpc of {plain!r} must be a port, or host:port")
    return name or host, int(port)


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host
