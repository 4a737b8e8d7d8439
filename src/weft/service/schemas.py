"""Schemas: how the documents of collections come to be and change, one change at a time."""

from __future__ import annotations

import copy
import threading
from collections.abc import Callable
from dataclasses import dataclass

from weft.domain.errors import Unsupported
from weft.domain.names import collection_name
from weft.domain.schema import CollectionConfig
from weft.engine.database import Database
from weft.engine.driver import OpenCollection
from weft.modules.base import Registry
from weft.service.schema.defaults import complete, complete_property
from weft.service.schema.document import parse
from weft.service.schema.documents import Defaults, Document, Stated
from weft.service.schema.update import update
from weft.service.schema.validate import validate, validate_property


@dataclass(frozen=True, slots=True)
class SchemaRules:
    """What the settings say about schemas."""

    auto_schema: bool
    async_indexing: bool
    defaults: Defaults


class Schemas:
    """Changes of schemas take turns; ``turn`` is held for as long as what was read must not change."""

    def __init__(self, database: Database, registry: Registry, rules: SchemaRules) -> None:
        self.database = database
        self.rules = rules
        self.turn = threading.RLock()
        self._registry = registry

    def open(self, name: str) -> OpenCollection:
        """By name or alias; the first letter may be lower case. Raises NotFound."""
        return self.database.get(collection_name(name))

    def create(self, given: Stated) -> OpenCollection:
        document = complete(given, self._registry, self.rules.defaults)  # which may import modules: no turn is held
        with self.turn:
            return self.database.create(self._checked(document))

    def update(self, name: str, given: Stated) -> CollectionConfig:
        """Make ``given`` the whole document of the collection, as far as it may change."""
        self._completed(self.open(name), given)  # imports the modules that it names while no turn is held
        with self.turn:
            collection = self.open(name)
            return self._store(collection, update(collection.config.document, self._completed(collection, given)))

    def edit(self, name: str, edit: Callable[[CollectionConfig, Document], None]) -> None:
        """Store what ``edit`` makes of a copy of the document."""
        with self.turn:
            collection = self.open(name)
            document = copy.deepcopy(dict(collection.config.document))
            edit(collection.config, document)
            self._store(collection, document)

    def add_property(self, name: str, given: Stated) -> Stated:
        """The property's document with its defaults."""
        added: Document = {}

        def edit(config: CollectionConfig, document: Document) -> None:
            added.update(complete_property(given, document, self._registry, self.rules.defaults))
            validate_property(added, document, self._registry, exists=self._exists)
            document["properties"].append(added)

        self.edit(name, edit)
        return added

    def extend(self, collection: OpenCollection, document: Stated) -> None:
        """Store ``document``, which has more properties than the collection, without defaults for those."""
        with self.turn:
            self._store(collection, self._completed(collection, document))

    def _completed(self, collection: OpenCollection, given: Stated) -> Document:
        return complete(given, self._registry, self.rules.defaults, existing=collection.config.document)

    def _store(self, collection: OpenCollection, document: Stated) -> CollectionConfig:
        self.database.configure(collection, self._checked(document))
        return collection.config

    def _checked(self, document: Stated) -> CollectionConfig:
        """Raises Invalid for a document that cannot be, and for a vector whose module could not make it."""
        validate(document, self._registry, async_indexing=self.rules.async_indexing, exists=self._exists)
        config = parse(document)
        capabilities = self.database.capabilities
        for vector in config.vectors.values():
            if vector.index.multivector is not None and not capabilities.multivectors:
                raise Unsupported(f"the engine {capabilities.name!r} has no multi-vectors; leave out {vector.name!r}")
            if vector.vectorizer != "none":
                self._registry.vectorizer(vector.vectorizer).validate(config, vector, self.rules.auto_schema)
        return config

    def _exists(self, name: str) -> bool:
        return self.database.find(name) is not None
