"""Auto-schema on import: creates the collections and properties that imported objects need."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

from weft.domain.errors import Invalid, WeftError
from weft.domain.names import collection_name
from weft.domain.objects import IncomingObject
from weft.engine.driver import OpenCollection
from weft.service.schema import auto_schema
from weft.service.schemas import Schemas

Numbered: TypeAlias = Sequence[tuple[int, IncomingObject]]
"""Objects of one collection with their positions in the request."""


class ImportSchemas:
    def __init__(self, schemas: Schemas) -> None:
        self._schemas = schemas

    @property
    def enabled(self) -> bool:
        return self._schemas.rules.auto_schema

    def for_import(self, name: str, objects: Numbered, errors: list[WeftError | None]) -> OpenCollection:
        """The collection that the objects go to; it, or what it lacks, is created first if the settings allow that.

        The error of an object whose properties do not fit a schema is put at its position in ``errors``.
        """
        schemas = self._schemas
        collection = schemas.database.find(collection_name(name))
        if not self.enabled:
            return schemas.open(name) if collection is None else collection
        if collection is not None:
            config = collection.config
            if all(auto_schema.is_covered(config, one.properties) for _, one in objects):
                return collection
        with schemas.turn:
            known = schemas.database.find(collection_name(name))
            collection = known or self._create(name)
            self._extend_each(collection, objects, errors)
            if known is None and all(errors[i] is not None for i, _ in objects):
                schemas.database.drop(collection.config.name)
        return collection

    def _create(self, name: str) -> OpenCollection:
        vectorizer = self._schemas.rules.defaults.vectorizer
        return self._schemas.create(auto_schema.new_collection(collection_name(name), [], vectorizer=vectorizer))

    def _extend_each(self, collection: OpenCollection, objects: Numbered, errors: list[WeftError | None]) -> None:
        try:
            self._extend(collection, [one for _, one in objects])
        except Invalid:
            for i, one in objects:
                try:
                    self._extend(collection, [one])
                except Invalid as error:
                    errors[i] = error

    def _extend(self, collection: OpenCollection, objects: Sequence[IncomingObject]) -> None:
        document = auto_schema.extended(collection.config, [one.properties for one in objects])
        if document is not None:
            self._schemas.extend(collection, document)
