"""Beacons, the protocol's text form of a reference: ``weaviate://localhost/<Class>/<uuid>``, the class optional."""

from __future__ import annotations

from collections.abc import Mapping

from weft.domain.errors import Invalid
from weft.domain.names import collection_name
from weft.domain.objects import Reference, format_uuid, parse_uuid

_SCHEME = "weaviate://"


def parse_beacon(text: str) -> Reference:
    """The reference that a beacon names; raises Invalid for any other text."""
    host, _, path = text.removeprefix(_SCHEME).partition("/")
    segments = path.split("/")
    if not text.startswith(_SCHEME) or not host or len(segments) > 2 or not all(segments):
        raise Invalid(f"invalid cref URI: expected weaviate://localhost/<class>/<uuid>, but got {text[:120]!r}")
    collection = segments[0] if len(segments) == 2 else ""
    return Reference(collection_name(collection), parse_uuid(segments[-1]))


def beacon_object(reference: Reference) -> Mapping[str, object]:
    """A reference as the JSON object that states it: the one that it was decoded from, where there was one."""
    if reference.stated is not None:
        return reference.stated
    return {"beacon": format_beacon(reference.collection, reference.uuid)}


def format_beacon(collection: str, uuid: bytes) -> str:
    """The beacon of an object; without a class when ``collection`` is empty."""
    middle = f"{collection}/" if collection else ""
    return f"{_SCHEME}localhost/{middle}{format_uuid(uuid)}"
