"""The collections that the tests of this wire know: their documents and what these are when made."""

from __future__ import annotations

from typing import Any, Final

from weft.domain.schema import CollectionConfig
from weft.modules import build_registry
from weft.service.schema.defaults import complete
from weft.service.schema.document import parse

_OWN: Final[dict[str, Any]] = {"vectorizer": {"none": {}}}
AUTHOR: Final[dict[str, Any]] = {"class": "Author"}
ARTICLE: Final[dict[str, Any]] = {
    "class": "Article",
    "properties": [
        {"name": "title", "dataType": ["text"]},
        {"name": "words", "dataType": ["int"]},
        {"name": "tags", "dataType": ["text[]"]},
        {"name": "image", "dataType": ["blob"]},
        {"name": "author", "dataType": ["Author"]},
        {
            "name": "place",
            "dataType": ["object"],
            "nestedProperties": [{"name": "name", "dataType": ["text"]}, {"name": "zip", "dataType": ["text"]}],
        },
    ],
    "vectorConfig": {
        "plain": _OWN,
        "other": _OWN,
        "colbert": {**_OWN, "vectorIndexConfig": {"multivector": {"enabled": True}}},
    },
}
OLD: Final[dict[str, Any]] = {
    "class": "Legacy",
    "vectorizer": "none",
    "properties": [{"name": "title", "dataType": ["text"]}],
}


def config_of(document: dict[str, Any]) -> CollectionConfig:
    return parse(complete(document, build_registry(())))


NAMED: Final = config_of(ARTICLE)
LEGACY: Final = config_of(OLD)
