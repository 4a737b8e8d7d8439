"""Places opened by their addresses."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from urllib.parse import urlsplit

from weft.cli.move.address import PlaceAddress, PlaceKind
from weft.cli.move.place import MoveSource, MoveTarget
from weft.cli.move.server_source import ServerSource
from weft.cli.move.server_target import ServerTarget
from weft.cli.server_address import ServerAddress
from weft.domain.errors import Invalid


def place_of(arguments: argparse.Namespace) -> PlaceAddress:
    """The server that the flags of a command name. Raises Invalid."""
    at = ServerAddress.of(arguments)
    parts = urlsplit(at.url)
    port = parts.port or (443 if at.tls else 80)
    return PlaceAddress(PlaceKind.SERVER, at.url, parts.hostname or "", port, at.tls, key=arguments.api_key)


@contextmanager
def open_source(address: PlaceAddress, ca_certificate: str | None) -> Iterator[MoveSource]:
    """Raises WeftError when the place cannot be opened."""
    with _over(address, must_exist=True) as place, _source(place, ca_certificate) as source:
        yield source


def _over(address: PlaceAddress, *, must_exist: bool) -> AbstractContextManager[PlaceAddress]:
    """The address itself, or that of a server over a folder."""
    if address.kind is not PlaceKind.FOLDER:
        return nullcontext(address)
    from weft.cli.move.folder import served

    return served(address, must_exist=must_exist)


def _source(address: PlaceAddress, ca_certificate: str | None) -> MoveSource:
    """The clients of other servers are imported only here, where one is needed."""
    match address.kind:
        case PlaceKind.QDRANT:
            from weft.cli.move.qdrant_source import QdrantSource

            return QdrantSource(address)
        case PlaceKind.MILVUS:
            from weft.cli.move.milvus_source import MilvusSource

            return MilvusSource(address)
    return ServerSource(address, ca_certificate)


@contextmanager
def open_target(address: PlaceAddress, ca_certificate: str | None) -> Iterator[MoveTarget]:
    """Raises Invalid for a place that cannot be a target."""
    if address.kind in (PlaceKind.QDRANT, PlaceKind.MILVUS):
        raise Invalid(
            f"{address.text} cannot be the target: Weft keeps there what only Weft reads. Start a server over it, "
            f"weft serve --engine {address.kind.name.lower()}://…, and move to the address of that server"
        )
    with _over(address, must_exist=False) as place, ServerTarget(place, ca_certificate) as target:
        yield target
