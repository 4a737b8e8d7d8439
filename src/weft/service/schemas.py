"""Schemas: creating and changing the documents of collections, one change at a time."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass

from weft.domain.errors import Unsupported
from weft.domain.names import collection_name
from weft.domain.schema import CollectionConfig
from weft.engine.database import Database
from weft.engine.driver import OpenCollection
from weft.modules.registry import Registry
from weft.service.headroom import Headroom
from weft.service.schema.defaults import complete, complete_property
from weft.service.schema.document import parse
from weft.service.schema.documents import Defaults, Document, Stated
from weft.service.schema.sharding import requested_shards
from weft.service.schema.update import update
from weft.service.schema.validate import validate, validate_property
from weft.service.usage import Usage


@dataclass(frozen=True, slots=True)
class SchemaRules:
    """The settings about schemas."""

    auto_schema: bool
    async_indexing: bool
    defaults: Defaults


class Schemas:
    """Changes of schemas take turns: see ``Database.turn``."""

    def __init__(
        self, database: Database, registry: Registry, rules: SchemaRules, usage: Usage, headroom: Headroom
    ) -> None:
        self.database = database
        self.rules = rules
        self.usage = usage
        self.headroom = headroom
        self.turn = database.turn
        self._registry = registry

    def open(self, name: str) -> OpenCollection:
        """By name or alias; the first letter may be lower case. Raises NotFound."""
        return self.database.get(collection_name(name))

    def proposed(self, existing: CollectionConfig | None, given: Stated) -> CollectionConfig:
        """The configuration that ``given`` would make of ``existing``, or of a new collection; nothing is stored.

        ``given`` may lack defaults. Raises Invalid.
        """
        document = None if existing is None else existing.document
        return self._checked(complete(given, self._registry, self.rules.defaults, existing=document))

    def create(self, given: Stated) -> OpenCollection:
        self.usage.check_shards(requested_shards(given))
        document = complete(given, self._registry, self.rules.defaults)  # which may import modules: no turn is held
        with self.turn:
            return self.add(self._checked(document))

    def add(self, config: CollectionConfig) -> OpenCollection:
        """Create the collection of a configuration that ``proposed`` returned; ``turn`` is held."""
        self.headroom.check_room()
        self.usage.check_collections()
        return self.database.create(config)

    def update(self, name: str, given: Stated) -> CollectionConfig:
        """Replace the document of the collection by ``given``. Raises Invalid for a change that is not allowed."""
        self._completed(self.open(name), given)  # imports the modules that it names while no turn is held
        with self.turn:
            collection = self.open(name)
            return self._store(collection, update(collection.config.document, self._completed(collection, given)))

    def edit(self, name: str, edit: Callable[[CollectionConfig, Document], None]) -> None:
        """Let ``edit`` change a copy of the document, and store it."""
        with self.turn:
            collection = self.open(name)
            document = copy.deepcopy(dict(collection.config.document))
            edit(collection.config, document)
            self._store(collection, document)

    def edited(self, collection: OpenCollection, edit: Callable[[Document], None]) -> CollectionConfig:
        """The configuration of which ``edit`` changes the document; nothing is stored. Raises Invalid."""
        document = copy.deepcopy(dict(collection.config.document))
        edit(document)
        return self._checked(document)

    def completed(self, collection: OpenCollection, edit: Callable[[Document], None]) -> CollectionConfig:
        """As ``edited``, with the defaults of what ``edit`` leaves out."""
        document = copy.deepcopy(dict(collection.config.document))
        edit(document)
        return self._checked(self._completed(collection, document))

    def add_property(self, name: str, given: Stated) -> Stated:
        """The property's document with its defaults."""
        added: Document = {}

        def edit(config: CollectionConfig, document: Document) -> None:
            added.update(complete_property(given, document, self._registry, self.rules.defaults))
            validate_property(added, document, self._registry, exists=self._exists)
            document["properties"].append(added)

        self.edit(name, edit)
        return added

    def _completed(self, collection: OpenCollection, given: Stated) -> Document:
        return complete(given, self._registry, self.rules.defaults, existing=collection.config.document)

    def _store(self, collection: OpenCollection, document: Stated) -> CollectionConfig:
        self.database.configure(collection, self._checked(document))
        return collection.config

    def _checked(self, document: Stated) -> CollectionConfig:
        """Raises Invalid for an invalid document, and for a vector that its module cannot make."""
        validate(document, self._registry, async_indexing=self.rules.async_indexing, exists=self._exists)
        config = parse(document)
        capabilities = self.database.capabilities
        for vector in config.vectors.values():
            if vector.index.multivector is not None and not capabilities.multivectors:
                raise Unsupported(
                    f"the engine {capabilities.name!r} does not support multi-vectors; leave out {vector.name!r}"
                )
            if vector.vectorizer != "none":
                self._registry.vectorizer(vector.vectorizer).validate(config, vector, self.rules.auto_schema)
        return config

    def _exists(self, name: str) -> bool:
        return self.database.find(name) is not None
