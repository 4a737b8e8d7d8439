"""Values of the type ``blobHash``: base64 text is sent and embedded, and the SHA-256 of that text is stored."""

from __future__ import annotations

from collections.abc import Container

from weft.domain.blob_hash import hash_of
from weft.domain.objects import Object
from weft.domain.schema import CollectionConfig, DataType


def has_blob_hashes(config: CollectionConfig) -> bool:
    return any(prop.data_type is DataType.BLOB_HASH for prop in config.properties)


def hash_blobs(config: CollectionConfig, obj: Object, sent: Container[str]) -> None:
    """Replace the values of the properties that were ``sent`` by 64 hexadecimal digits; the others have theirs."""
    for prop in config.properties:
        if prop.data_type is DataType.BLOB_HASH and prop.name in sent:
            value = obj.properties.get(prop.name)
            if isinstance(value, str):
                obj.properties[prop.name] = hash_of(value)
