"""The verbs on collections: create, read, update, delete; properties, vectors and shards; auto-schema on import."""

from __future__ import annotations

import copy
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from weft.collection.collection import Collection
from weft.collection.engine import Engine
from weft.domain.errors import Invalid, NotFound, WeftError
from weft.domain.objects import IncomingObject
from weft.domain.schema import CollectionConfig
from weft.service.schema import auto_schema
from weft.service.schema.defaults import Defaults, complete, complete_property
from weft.service.schema.document import parse
from weft.service.schema.modules import ModuleCatalogue
from weft.service.schema.update import update
from weft.service.schema.validate import validate, validate_property
from weft.service.schema.vector_index import DROPPED

Numbered = Sequence[tuple[int, IncomingObject]]
"""Objects of one collection with their positions in the request."""

_INDEX_FLAGS = {
    "filterable": "indexFilterable",
    "searchable": "indexSearchable",
    "rangeFilters": "indexRangeFilters",
}


@dataclass(frozen=True, slots=True)
class SchemaRules:
    """What the settings say about schemas."""

    auto_schema: bool
    async_indexing: bool
    defaults: Defaults


class Collections:
    def __init__(self, engine: Engine, modules: ModuleCatalogue, rules: SchemaRules) -> None:
        self._engine = engine
        self._modules = modules
        self._rules = rules
        self._lock = threading.RLock()
        """Held while a schema changes: read, modify, write."""

    # -- whole collections

    def all(self) -> list[CollectionConfig]:
        return sorted((c.config for c in self._engine.collections()), key=lambda c: c.name)

    def open(self, name: str) -> Collection:
        """By name or alias; the first letter may be lower case. Raises NotFound."""
        return self._engine.get(_class_name(name))

    def get(self, name: str) -> CollectionConfig:
        return self.open(name).config

    def create(self, given: Mapping[str, Any]) -> CollectionConfig:
        with self._lock:
            return self._create(given).config

    def _create(self, given: Mapping[str, Any]) -> Collection:
        document = complete(given, self._modules, self._rules.defaults)
        self._validate(document)
        return self._engine.create(parse(document))

    def update(self, name: str, given: Mapping[str, Any]) -> CollectionConfig:
        with self._lock:
            collection = self.open(name)
            old = collection.config.document
            new = complete(given, self._modules, self._rules.defaults, existing=old)
            return self._change(collection, update(old, new))

    def delete(self, name: str) -> None:
        with self._lock:
            self._engine.drop(_class_name(name))

    # -- parts of a collection

    def add_property(self, name: str, given: Mapping[str, Any]) -> Mapping[str, Any]:
        """The property's document with its defaults."""
        with self._lock:
            collection = self.open(name)
            document = copy.deepcopy(dict(collection.config.document))
            added = complete_property(given, document, self._modules, self._rules.defaults)
            validate_property(added, document, self._modules, exists=self._exists)
            document["properties"].append(added)
            self._change(collection, document)
            return added

    def drop_property_index(self, name: str, property: str, index: str) -> None:
        """``index``: filterable, searchable or rangeFilters."""
        flag = _INDEX_FLAGS.get(index)
        if flag is None:
            raise Invalid(f"{index!r} is not an index of a property; it is one of {', '.join(_INDEX_FLAGS)}")
        with self._lock:
            collection = self.open(name)
            document = copy.deepcopy(dict(collection.config.document))
            for one in document["properties"]:
                if one["name"] == property:
                    one[flag] = False
                    self._change(collection, document)
                    return
        raise Invalid(f"class {collection.config.name} has no property {property!r}")

    def drop_vector_index(self, name: str, vector: str) -> None:
        with self._lock:
            collection = self.open(name)
            document = copy.deepcopy(dict(collection.config.document))
            target = (document.get("vectorConfig") or {}).get(vector)
            if target is None:
                raise Invalid(f"class {collection.config.name} has no named vector {vector!r}")
            target["vectorIndexType"] = DROPPED
            target.pop("vectorIndexConfig", None)
            self._change(collection, document)

    def shards(self, name: str, tenant: str | None = None) -> list[dict[str, Any]]:
        return [
            {"name": shard_name, "status": "READY", "vectorQueueSize": shard.vector_queue}
            for shard_name, shard in self.open(name).shards()
            if tenant is None or shard_name == tenant
        ]

    def set_shard_status(self, name: str, shard: str, status: str) -> dict[str, Any]:
        if all(known != shard for known, _ in self.open(name).shards()):
            raise NotFound(f"class {name} has no shard {shard!r}")
        if status != "READY":
            raise Invalid(f"shard status {status!r} is not supported; the only one that can be set is READY")
        return {"status": status}

    # -- import

    def for_import(self, name: str, objects: Numbered, errors: list[WeftError | None]) -> Collection:
        """The collection that the objects go to; auto-schema makes it, or what it lacks, where the settings allow.

        The error of an object whose properties fit no schema is put at its position in ``errors``.
        """
        collection = self._engine.find(_class_name(name))
        if not self._rules.auto_schema:
            return self.open(name) if collection is None else collection
        if collection is not None:
            config = collection.config
            if all(auto_schema.is_covered(config, one.properties) for _, one in objects):
                return collection
        with self._lock:
            if collection is None:
                collection = self._engine.find(_class_name(name)) or self._create_for(name, objects)
            self._extend(collection, objects, errors)
        return collection

    def _create_for(self, name: str, objects: Numbered) -> Collection:
        vectorizer = self._rules.defaults.vectorizer
        empty = auto_schema.new_collection(_class_name(name), [], vectorizer=vectorizer)
        return self._create(empty)

    def _extend(self, collection: Collection, objects: Numbered, errors: list[WeftError | None]) -> None:
        try:
            self._extend_by(collection, [one.properties for _, one in objects])
        except Invalid:
            for i, one in objects:
                try:
                    self._extend_by(collection, [one.properties])
                except Invalid as error:
                    errors[i] = error

    def _extend_by(self, collection: Collection, objects: Sequence[Mapping[str, Any]]) -> None:
        document = auto_schema.extended(collection.config, objects)
        if document is not None:
            existing = collection.config.document
            self._change(collection, complete(document, self._modules, self._rules.defaults, existing=existing))

    # -- inside

    def _change(self, collection: Collection, document: Mapping[str, Any]) -> CollectionConfig:
        self._validate(document)
        self._engine.configure(collection, parse(document))
        return collection.config

    def _validate(self, document: Mapping[str, Any]) -> None:
        validate(document, self._modules, async_indexing=self._rules.async_indexing, exists=self._exists)

    def _exists(self, name: str) -> bool:
        return self._engine.find(name) is not None


def _class_name(name: str) -> str:
    return name[:1].upper() + name[1:]
