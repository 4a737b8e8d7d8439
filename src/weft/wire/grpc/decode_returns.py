"""The requested properties, references and metadata of each hit."""

from __future__ import annotations

from typing import Final, TypeAlias

from weft.domain.errors import Invalid
from weft.domain.names import collection_name, property_name
from weft.domain.query import NestedSelection, ReferenceSelection, Returns
from weft.protocol import search_get
from weft.wire.grpc.recall import Recall

_Request: TypeAlias = search_get.SearchRequest | search_get.RefPropertiesRequest
_known: Final = Recall[Returns]()


def decode_returns(request: _Request) -> Returns:
    """From a message with the optional fields ``properties`` and ``metadata`` (a search, or a reference's part of it).

    No ``properties`` means all but references and blobs; no ``metadata`` means none, not even the uuid.
    """
    has = request.HasField
    parts = request.properties if has("properties") else None, request.metadata if has("metadata") else None
    return _known.of(request, parts, _decoded)


def _decoded(request: _Request) -> Returns:
    properties: tuple[str, ...] | None = None
    nested: tuple[NestedSelection, ...] = ()
    references: tuple[ReferenceSelection, ...] = ()
    if request.HasField("properties"):
        sent = request.properties
        if not sent.return_all_nonref_properties:
            properties = tuple(dict.fromkeys(property_name(name) for name in sent.non_ref_properties))
        nested = tuple(_nested(selection) for selection in sent.object_properties)
        references = tuple(_reference(selection) for selection in sent.ref_properties)
    if not request.HasField("metadata"):
        return Returns(properties, nested, references, uuid=False)
    asked = request.metadata
    return Returns(
        properties,
        nested,
        references,
        uuid=asked.uuid,
        vector=asked.vector,
        vectors=tuple(asked.vectors),
        created=asked.creation_time_unix,
        updated=asked.last_update_time_unix,
        distance=asked.distance,
        certainty=asked.certainty,
        score=asked.score,
        explain_score=asked.explain_score,
        is_consistent=asked.is_consistent,
        profile=asked.query_profile,
    )


def _nested(selection: search_get.ObjectPropertiesRequest) -> NestedSelection:
    if not selection.prop_name:
        raise Invalid("a nested selection names no property")
    return NestedSelection(
        property_name(selection.prop_name),
        tuple(dict.fromkeys(property_name(name) for name in selection.primitive_properties)),
        tuple(_nested(inner) for inner in selection.object_properties),
    )


def _reference(selection: search_get.RefPropertiesRequest) -> ReferenceSelection:
    if not selection.reference_property:
        raise Invalid("a reference selection names no property")
    target = selection.target_collection
    return ReferenceSelection(
        property_name(selection.reference_property), decode_returns(selection), collection_name(target) or None
    )
