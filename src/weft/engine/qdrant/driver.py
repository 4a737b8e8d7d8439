"""QdrantDriver: Qdrant as the engine of a server, by its address.

    qdrant://[API_KEY@]HOST[:PORT][?grpc=PORT&tls=true&prefix=weft_&replicas=N&acknowledged=N&shards=N&consistency=…]

``grpc``: the port of its gRPC interface, 6334 by default, 0 for REST alone; ``prefix``: of the collections that Weft
makes; ``replicas``, ``acknowledged`` (how many must have a write) and ``shards``: of new collections; ``consistency``:
of reads, a number, ``majority``, ``quorum`` or ``all``.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from pathlib import Path
from typing import Final
from urllib.parse import parse_qsl, unquote, urlsplit

from qdrant_client import QdrantClient
from qdrant_client.models import ReadConsistencyType

from weft.domain.address import public_address
from weft.domain.errors import Misconfigured
from weft.engine.qdrant.failures import explained
from weft.engine.qdrant.store import QdrantOptions, QdrantStore
from weft.engine.remote.driver import RemoteDriver

PREFIX: Final = "weft_"
_PORT: Final = 6333
_GRPC_PORT: Final = 6334
_TIMEOUT_S: Final = 60
_PROBE_S: Final = 3
_KNOWN: Final = ("grpc", "tls", "prefix", "replicas", "acknowledged", "shards", "consistency")


class QdrantDriver(RemoteDriver):
    """``folder`` is not used: all that there is to keep is in Qdrant. Raises Misconfigured, Unreachable."""

    def __init__(
        self,
        folder: Path,
        *,
        address: str,
        leads: Callable[[], bool],
        expiry_schedule: Callable[[float], float] = lambda after_s: math.inf,
    ) -> None:
        store = open_store(address)
        super().__init__(store, store.prefix, expiry_schedule, leads=leads)


def open_store(address: str) -> QdrantStore:
    """A client of the server at ``address``."""
    asked = _asked(address)
    options = _options(asked, address)
    client, probe = (_client(address, asked, timeout_s) for timeout_s in (_TIMEOUT_S, _PROBE_S))
    try:
        with explained():
            version = client.info().version
        return QdrantStore(client, version, options, probe)
    except BaseException:
        client.close()
        probe.close()
        raise


def _client(address: str, asked: dict[str, str], timeout_s: int) -> QdrantClient:
    parts, grpc_port = urlsplit(address), _number(asked, "grpc", address)
    return QdrantClient(
        host=parts.hostname,
        port=parts.port or _PORT,
        grpc_port=_GRPC_PORT if grpc_port is None else grpc_port,
        prefer_grpc=grpc_port != 0,
        https=asked.get("tls") == "true",
        api_key=unquote(parts.username) if parts.username else None,
        timeout=timeout_s,
        check_compatibility=False,
        grpc_options={"grpc.max_receive_message_length": -1, "grpc.max_send_message_length": -1},
    )


def _asked(address: str) -> dict[str, str]:
    """What stands after ``?``. Raises Misconfigured."""
    asked = dict(parse_qsl(urlsplit(address).query, keep_blank_values=True))
    if unknown := sorted(asked.keys() - set(_KNOWN)):
        raise _wrong(address, f"has {', '.join(unknown)} after ?, which can be {', '.join(_KNOWN)}")
    if asked.get("tls", "true") not in ("true", "false"):
        raise _wrong(address, "has a tls that is neither true nor false")
    return asked


def _options(asked: dict[str, str], address: str) -> QdrantOptions:
    prefix = asked.get("prefix", PREFIX)
    if not re.fullmatch(r"[A-Za-z0-9_-]{1,64}", prefix):
        raise _wrong(address, "has a prefix that is not 1 to 64 letters, digits, - and _")
    named = asked.get("consistency") in ("majority", "quorum", "all")
    consistency = ReadConsistencyType(asked["consistency"]) if named else _number(asked, "consistency", address)
    return QdrantOptions(
        prefix=prefix,
        replicas=_number(asked, "replicas", address),
        shards=_number(asked, "shards", address),
        acknowledged=_number(asked, "acknowledged", address),
        consistency=consistency,
    )


def _number(asked: dict[str, str], key: str, address: str) -> int | None:
    text = asked.get(key)
    if text is None:
        return None
    if not re.fullmatch(r"[0-9]{1,9}", text):
        raise _wrong(address, f"has a {key} that is not a number")
    return int(text)


def _wrong(address: str, what: str) -> Misconfigured:
    return Misconfigured(f"the engine {public_address(address, 'engine')} {what}")
