"""The collection that an import goes to: created if it is missing, with the properties that the rows need."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import quote

import orjson

from weft.cli.connection import Connection
from weft.cli.imports.inferred import inferred
from weft.cli.sources.arrow_rows import COLLECTION_KEY, embedded_vectors, vector_name
from weft.domain.errors import Forbidden, Invalid, NotFound

_DEFAULT_VECTORIZER = "text2vec-transformers"


class TargetCollection:
    """``document``: its schema, None while there is no such collection."""

    def __init__(self, server: Connection, name: str, arguments: argparse.Namespace) -> None:
        self._server = server
        self._vectorizer = arguments.vectorizer
        self._has_vectors = bool(arguments.vector_field)
        self.name = name
        self.document = self._read(name)
        self._was_there = self.document is not None

    def prepare(self, metadata: Mapping[bytes, bytes], blobs: Iterable[str], rows: Iterable[Mapping[str, Any]]) -> None:
        """Creates what ``rows``, the properties of the first objects, need. ``metadata``: that of their file;
        ``blobs``: properties that are bytes there."""
        exported = orjson.loads(metadata.get(COLLECTION_KEY, b"null"))
        if exported:
            wanted = list(exported.get("properties") or ())
        else:
            known = {name: {"name": name, "dataType": ["blob"]} for name in blobs}
            wanted = [known.get(one["name"], one) for one in inferred(rows)]
        if self.document is None:
            self._create(exported, embedded_vectors(metadata), wanted)
        else:
            self._extend(self.document, wanted)
        self.document = self._read(self.name)

    def withdraw(self) -> bool:
        """Removes the collection where this import has made it and nothing was stored, so that the next one begins from
        nothing; whether it did."""
        if self._was_there or (self.document or {}).get("multiTenancyConfig", {}).get("enabled"):
            return False
        if self._read(self.name) is None or self._server.get(f"/v1/objects?class={self.name}&limit=1").get("objects"):
            return False
        self._server.delete(f"/v1/schema/{quote(self.name, safe='')}")
        return True

    def _read(self, name: str) -> dict[str, Any] | None:
        try:
            return dict(self._server.get(f"/v1/schema/{quote(name, safe='')}"))
        except NotFound:
            return None

    def _create(
        self, exported: dict[str, Any] | None, vectors: Mapping[str, Mapping[str, Any]], wanted: list[dict[str, Any]]
    ) -> None:
        plain = [one for one in wanted if not _targets(one)]
        if exported:
            document = {**exported, "class": self.name, "properties": plain or None}
            document = {key: value for key, value in document.items() if value is not None}
        else:
            document = {"class": self.name, "vectorConfig": self._vectors(vectors)}
            document |= {"properties": plain} if plain else {}
        try:
            self._server.post("/v1/schema", document)
        except Invalid as error:
            if not vectors or self._vectorizer or "no module" not in error.message:
                raise
            _say(f"{self.name} is created without a vectorizer, because the server has none that made the vectors")
            document["vectorConfig"] = {name: {**one, "vectorizer": {"none": {}}} for name, one in _named(vectors)}
            self._server.post("/v1/schema", document)
        self._extend({"properties": plain}, wanted)

    def _vectors(self, vectors: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
        if not vectors:
            vectorizer = self._vectorizer or ("none" if self._has_vectors else _DEFAULT_VECTORIZER)
            return {"default": {"vectorizer": {vectorizer: {}}}}
        if self._vectorizer:
            return {name: {**one, "vectorizer": {self._vectorizer: {}}} for name, one in _named(vectors)}
        return dict(_named(vectors))

    def _extend(self, document: Mapping[str, Any], wanted: Iterable[dict[str, Any]]) -> None:
        """Adds the properties that are missing; a caller who may not do that leaves it to the rows."""
        present = {one["name"] for one in document.get("properties") or ()}
        for one in wanted:
            if one["name"] in present:
                continue
            missing = [target for target in _targets(one) if target != self.name and self._read(target) is None]
            if missing:
                _say(
                    f"the property {one['name']!r} refers to {', '.join(missing)}, which is not there yet: rows with "
                    "such references are rejected; import that first, or import the rejected rows afterwards"
                )
                continue
            try:
                self._server.post(f"/v1/schema/{quote(self.name, safe='')}/properties", one)
            except Forbidden:
                return


def _named(vectors: Mapping[str, Mapping[str, Any]]) -> list[tuple[str, dict[str, Any]]]:
    """The configuration of each vector that ``weft embed`` made, as its module makes it of the same properties."""
    found = []
    for column, one in vectors.items():
        config: dict[str, Any] = {"vectorizer": {one["module"]: one["settings"]}}
        if one["multi"]:
            config |= {"vectorIndexType": "hnsw", "vectorIndexConfig": {"multivector": {"enabled": True}}}
        found.append((vector_name(column), config))
    return found


def _targets(declared: Mapping[str, Any]) -> list[str]:
    """The collections that a reference points to; none if it is no reference."""
    return [one for one in declared["dataType"] if one[:1].isupper()]


def _say(sentence: str) -> None:
    print(f"weft: {sentence}", file=sys.stderr)
