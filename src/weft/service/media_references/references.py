"""MediaReferences: values of ``blob`` and ``blobHash`` properties that are not base64 text, but name it.

``data:…;base64,…`` is reduced to its base64 text. ``file:`` and ``https:`` become the base64 text of what is there, for
the time of the request: the object that was sent gets its own value back.
"""

from __future__ import annotations

import binascii
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Final

from weft.domain.errors import Invalid, WeftError
from weft.domain.names import collection_name, property_name
from weft.domain.objects import IncomingObject
from weft.domain.place import away, holder
from weft.domain.schema import BLOBS
from weft.domain.shares import Shares
from weft.service.collections import Collections
from weft.service.media_references import folders, hosts
from weft.service.media_references.folders import MediaFolders
from weft.service.media_references.hosts import MediaHosts
from weft.service.media_references.room import Room

_DATA: Final = "data:"
_SCHEMES: Final = (_DATA, folders.SCHEME, hosts.SCHEME)
_MOST_BYTES: Final = 1 << 30
"""Of all media that are being stored."""
_FETCHED_AT_ONCE: Final = 8


class MediaReferences:
    def __init__(self, collections: Collections, folders: MediaFolders, hosts: MediaHosts) -> None:
        self._collections = collections
        self._folders = folders
        self._hosts = hosts
        self._shares = Shares(_MOST_BYTES)

    @contextmanager
    def read(self, incoming: Sequence[IncomingObject], errors: list[WeftError | None]) -> Iterator[None]:
        """Within the block the objects have the media; the error of each whose medium cannot be read is at its place
        in ``errors``."""
        named = self._named(incoming)
        if not named:
            yield
            return
        room = Room(self._shares, holder())
        before = {i: incoming[i].properties for i in named}
        try:
            found = self._media({value for names in named.values() for value in names.values()}, room)
            for i, names in named.items():
                media = {name: found[value] for name, value in names.items()}
                errors[i] = next((one for one in media.values() if isinstance(one, WeftError)), None)
                incoming[i].properties = {**before[i], **media}
                incoming[i].columns = None  # which have what was sent
            yield
        finally:
            for i, properties in before.items():
                incoming[i].properties = properties
            room.leave()

    def close(self) -> None:
        self._hosts.close()

    def _named(self, incoming: Sequence[IncomingObject]) -> dict[int, dict[str, str]]:
        """By position, the references by the names of their properties as the objects have them."""
        blobs = {name: self._blobs(name) for name in {one.collection for one in incoming}}
        if not any(blobs.values()):
            return {}
        named = {}
        for i, one in enumerate(incoming):
            names = {
                name: value
                for name, value in one.properties.items()
                if isinstance(value, str)
                and value.startswith(_SCHEMES)
                and property_name(name) in blobs[one.collection]
            }
            if names:
                named[i] = names
        return named

    def _blobs(self, name: str) -> frozenset[str]:
        found = self._collections.find(collection_name(name))
        properties = () if found is None else found.config.properties
        return frozenset(one.name for one in properties if one.data_type in BLOBS)

    def _media(self, references: set[str], room: Room) -> Mapping[str, str | WeftError]:
        """The base64 text of each, or its error; each is read once. Those of other servers are fetched together."""
        remote = [one for one in references if one.startswith(hosts.SCHEME)]
        found = {one: _attempt(self._local, one, room) for one in references if not one.startswith(hosts.SCHEME)}
        if remote:
            with away(), ThreadPoolExecutor(min(_FETCHED_AT_ONCE, len(remote)), "weft-media") as threads:
                fetched = threads.map(lambda one: _attempt(self._fetched, one, room), remote)
                found |= zip(remote, fetched, strict=True)
        return found

    def _local(self, reference: str, room: Room) -> str:
        if reference.startswith(_DATA):
            head, comma, text = reference.partition(",")
            if not comma or not head.endswith(";base64"):
                raise Invalid("a medium that begins with data: must be data:…;base64,…; send its base64 text")
            return text
        return _encoded(reference, self._folders.read(reference, room))

    def _fetched(self, reference: str, room: Room) -> str:
        return _encoded(reference, self._hosts.read(reference, room))


def _attempt(read: Callable[[str, Room], str], reference: str, room: Room) -> str | WeftError:
    try:
        return read(reference, room)
    except WeftError as error:
        return error


def _encoded(reference: str, medium: bytes) -> str:
    if not medium:
        raise Invalid(f"{reference[:200]} is empty")
    return binascii.b2a_base64(medium, newline=False).decode()
