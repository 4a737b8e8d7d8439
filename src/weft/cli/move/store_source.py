"""What sources that know nothing of Weaviate's objects have in common: rows with ids and payloads of their own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final
from uuid import NAMESPACE_URL, UUID, uuid5

from weft.cli.move.objects import MovedCollection, data_types, properties_of
from weft.cli.move.place import PlaceHit

FIRST_ROWS: Final = 50
"""Of the first page, whose size shows how many make a full one."""
_MOST_ROWS: Final = 1000
_PAGE_BYTES: Final = 4_000_000


class StoreSource:
    """The answers of such a source to what it has not got."""

    ordered = False

    def models(self, collection: MovedCollection, tenant: str | None) -> Mapping[str, str]:
        return {}

    def set_read_only(self, collection: MovedCollection, *, read_only: bool) -> bool:
        return False

    def keyword(self, collection: MovedCollection, tenant: str | None, words: str, limit: int) -> list[PlaceHit] | None:
        return None


def uuid_of(collection: str, id: object) -> str:
    """The object's uuid: ``id`` where that is one, otherwise always the same for the same id of the collection."""
    if isinstance(id, str):
        try:
            return str(UUID(id))
        except ValueError:
            pass
    return str(uuid5(NAMESPACE_URL, f"{collection}/{id}"))


def rows_of_next_page(rows: int, size_bytes: int) -> int:
    """After a page of ``rows`` that took ``size_bytes``."""
    return max(1, min(_MOST_ROWS, _PAGE_BYTES * rows // size_bytes))


def has_whole_values(collection: MovedCollection, property: str) -> bool:
    """Whether equality means the same here and there: not of texts that are cut into words."""
    document = next((one for one in properties_of(collection.document) if one["name"] == property), {})
    return data_types(document) != ["text"] or document.get("tokenization") == "field"
