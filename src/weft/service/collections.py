"""The verbs on collections: create, read, update, delete; properties, vectors and shards; auto-schema on import."""

from __future__ import annotations

import copy
import threading
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

from weft.access.permissions import CREATE, DELETE, READ, UPDATE
from weft.access.requirement import requires
from weft.domain.errors import Conflict, Invalid, NotFound, WeftError
from weft.domain.names import collection_name
from weft.domain.objects import IncomingObject
from weft.domain.schema import CollectionConfig
from weft.engine.embedded.collection import Collection
from weft.engine.embedded.engine import Engine
from weft.engine.embedded.shard import Shard
from weft.modules.base import Registry
from weft.service import tenants
from weft.service.permissions import collections as permit
from weft.service.schema import auto_schema
from weft.service.schema.defaults import Defaults, complete, complete_property
from weft.service.schema.document import parse
from weft.service.schema.update import update
from weft.service.schema.validate import check_class_name, validate, validate_property
from weft.service.schema.vector_index import DROPPED

Numbered = Sequence[tuple[int, IncomingObject]]
"""Objects of one collection with their positions in the request."""

_INDEX_FLAGS = {
    "filterable": "indexFilterable",
    "searchable": "indexSearchable",
    "rangeFilters": "indexRangeFilters",
}

_READY, _READ_ONLY = "READY", "READONLY"


@dataclass(frozen=True, slots=True)
class SchemaRules:
    """What the settings say about schemas."""

    auto_schema: bool
    async_indexing: bool
    defaults: Defaults


class Collections:
    def __init__(self, engine: Engine, registry: Registry, rules: SchemaRules) -> None:
        self._engine = engine
        self._registry = registry
        self._rules = rules
        self._lock = threading.RLock()
        """Held while a schema changes: read, modify, write."""

    # -- whole collections

    @requires(permit.reading_all_collections)
    def all(self) -> list[CollectionConfig]:
        return sorted((c.config for c in self._engine.collections()), key=lambda c: c.name)

    def open(self, name: str) -> Collection:
        """By name or alias; the first letter may be lower case. Raises NotFound."""
        return self._engine.get(collection_name(name))

    def find(self, name: str) -> Collection | None:
        """By name or alias, exactly as spelled."""
        return self._engine.find(name)

    @requires(permit.knowing_collection)
    def get(self, name: str) -> CollectionConfig:
        return self.open(name).config

    @requires(permit.reading_all_data)
    def searchable(self) -> list[CollectionConfig]:
        """All, for whoever looks through the objects of every collection."""
        return self.all()

    @requires(permit.collection(READ))
    def described(self, name: str) -> CollectionConfig:
        """As ``get``, for whoever wants to see the configuration itself."""
        return self.get(name)

    @requires(redact=permit.readable_collections)
    def all_described(self) -> list[CollectionConfig]:
        return self.all()

    @property
    def makes_schemas(self) -> bool:
        """Whether imports make the collections and properties that they lack."""
        return self._rules.auto_schema

    @requires(permit.creating_collection)
    def create(self, given: Mapping[str, Any]) -> CollectionConfig:
        with self._lock:
            return self._create(given).config

    def _create(self, given: Mapping[str, Any]) -> Collection:
        document = complete(given, self._registry, self._rules.defaults)
        self._validate(document)
        config = parse(document)
        self._check_vectorizers(config)
        return self._engine.create(config)

    @requires(permit.updating_collection)
    def update(self, name: str, given: Mapping[str, Any]) -> CollectionConfig:
        with self._lock:
            collection = self.open(name)
            old = collection.config.document
            new = complete(given, self._registry, self._rules.defaults, existing=old)
            return self._change(collection, update(old, new))

    @requires(permit.collection(DELETE))
    def delete(self, name: str) -> None:
        with self._lock:
            self._engine.drop(collection_name(name))

    # -- parts of a collection

    @requires(permit.adding_property)
    def add_property(self, name: str, given: Mapping[str, Any]) -> Mapping[str, Any]:
        """The property's document with its defaults."""
        with self._lock:
            collection = self.open(name)
            document = copy.deepcopy(dict(collection.config.document))
            added = complete_property(given, document, self._registry, self._rules.defaults)
            validate_property(added, document, self._registry, exists=self._exists)
            document["properties"].append(added)
            self._change(collection, document)
            return added

    @requires(permit.dropping_index)
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

    @requires(permit.dropping_index)
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

    @requires(permit.reading_shards)
    def shards(self, name: str, tenant: str | None = None) -> list[dict[str, Any]]:
        """Those of active tenants; one that is not open yet is ready and has nothing to index."""
        collection = self.open(name)
        opened = dict(collection.shards())
        return [
            {
                "name": one,
                "status": _READ_ONLY if one in opened and opened[one].read_only else _READY,
                "vectorQueueSize": opened[one].vector_queue if one in opened else 0,
            }
            for one in collection.active()
            if tenant is None or one == tenant
        ]

    @requires(permit.setting_shard_status)
    def set_shard_status(self, name: str, shard: str, status: str) -> dict[str, Any]:
        """``READONLY`` refuses changes until ``READY`` is set again, the tenant deactivated or the server stopped."""
        collection = self.open(name)
        if shard not in collection.active():
            raise NotFound(f"class {collection.config.name} has no shard {shard!r}")
        if status not in (_READY, _READ_ONLY):
            raise Invalid(f"shard status {status!r} cannot be set; set {_READY} or {_READ_ONLY}")
        tenant = shard if collection.config.tenancy.enabled else None
        with collection.use(tenant) as shard_:
            shard_.read_only = status == _READ_ONLY
        return {"status": status}

    # -- tenants

    @requires(permit.listing_tenants, redact=permit.readable_tenants)
    def tenants(self, name: str, names: Sequence[str] | None = None) -> list[dict[str, Any]]:
        """``{name, activityStatus}`` of each, HOT or COLD, or of those in ``names`` that exist."""
        known = self._with_tenants(name).tenants()
        chosen = sorted(known) if names is None else [one for one in names if one in known]
        return [{"name": one, "activityStatus": tenants.TOLD[known[one]]} for one in chosen]

    @requires(permit.reading_shards)
    def tenant(self, name: str, tenant: str) -> dict[str, Any]:
        """Raises NotFound."""
        found = self.tenants(name, [tenant])
        if not found:
            raise NotFound(f'tenant not found: "{tenant[:80]}"', tenant=tenant)
        return found[0]

    @requires(permit.tenants(CREATE))
    def create_tenants(self, name: str, given: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
        """Existing tenants stay as they are."""
        with self._lock:
            collection = self._with_tenants(name)
            statuses = tenants.statuses(given)
            known = collection.tenants()
            new = {tenant: status for tenant, status in statuses.items() if tenant not in known}
            if new:
                self._engine.put_tenants(collection, new)
            return self.tenants(name, list(statuses))

    @requires(permit.tenants(UPDATE))
    def update_tenants(self, name: str, given: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
        """Change the status of tenants; NotFound when one does not exist, and then nothing changes."""
        with self._lock:
            collection = self._with_tenants(name)
            if len(given) > tenants.MOST_UPDATES:
                raise Invalid(f"at most {tenants.MOST_UPDATES} tenants can be changed at once, not {len(given)}")
            statuses = tenants.statuses(given)
            known = collection.tenants()
            for tenant in statuses:
                if tenant not in known:
                    raise NotFound(f'tenant not found: "{tenant}"', tenant=tenant)
            self._engine.put_tenants(collection, statuses)
            return self.tenants(name, list(statuses))

    @requires(permit.tenants(DELETE))
    def delete_tenants(self, name: str, names: Sequence[str]) -> None:
        """With all that they hold; unknown ones are passed over."""
        with self._lock:
            self._engine.drop_tenants(self._with_tenants(name), names)

    def use(
        self, collection: Collection, tenant: str | None, *, importing: bool = False
    ) -> AbstractContextManager[Shard]:
        """The shard of ``tenant``, to be used while it is leased; see ``Collection.use``.

        The tenant is made (on import) or activated first where the collection says so.
        """
        tenancy = collection.config.tenancy
        if tenancy.enabled and tenant and (tenancy.auto_activation or (importing and tenancy.auto_creation)):
            status = collection.tenants().get(tenant)
            if (status is None and importing and tenancy.auto_creation) or (
                status == tenants.INACTIVE and tenancy.auto_activation
            ):
                with self._lock:
                    self._engine.put_tenants(collection, tenants.statuses([{"name": tenant}]))
        return collection.use(tenant)

    def shard(self, collection: Collection, tenant: str | None, *, importing: bool = False) -> Shard:
        """As ``use``, without a lease."""
        with self.use(collection, tenant, importing=importing) as shard:
            return shard

    def _with_tenants(self, name: str) -> Collection:
        collection = self.open(name)
        if not collection.config.tenancy.enabled:
            raise Invalid(f'multi-tenancy is not enabled for class "{collection.config.name}"')
        return collection

    # -- aliases

    @requires(redact=permit.readable_aliases)
    def aliases(self, name: str | None = None) -> list[dict[str, Any]]:
        """``{alias, class}`` of each, or of the collection ``name`` only."""
        target = None if name is None else collection_name(name)
        known = self._engine.aliases()
        return [{"alias": a, "class": c} for a, c in sorted(known.items()) if target is None or c == target]

    @requires(permit.alias(READ))
    def alias(self, alias: str) -> dict[str, Any]:
        """Raises NotFound."""
        alias = collection_name(alias)
        target = self._engine.aliases().get(alias)
        if target is None:
            raise NotFound(f"there is no alias '{alias[:80]}'", alias=alias)
        return {"alias": alias, "class": target}

    def aliases_by_name(self) -> Mapping[str, str]:
        """The collection of each alias; a snapshot."""
        return self._engine.aliases()

    @requires(permit.creating_alias)
    def create_alias(self, alias: str, name: str) -> dict[str, Any]:
        with self._lock:
            alias = collection_name(alias)
            check_class_name(alias, "alias")
            if self._engine.find(alias) is not None or alias in self._engine.aliases():
                raise Conflict(f"create alias: class/alias {alias} already exists", alias=alias)
            return self._point(alias, name)

    @requires(permit.moving_alias)
    def update_alias(self, alias: str, name: str) -> dict[str, Any]:
        with self._lock:
            alias = collection_name(alias)
            if alias not in self._engine.aliases():
                raise NotFound(f"there is no alias {alias!r}", alias=alias)
            return self._point(alias, name)

    @requires(permit.alias(DELETE))
    def delete_alias(self, alias: str) -> None:
        with self._lock:
            self._engine.drop_alias(collection_name(alias))

    def _point(self, alias: str, name: str) -> dict[str, Any]:
        target = collection_name(name)
        if all(one.name != target for one in self.all()):
            raise Invalid(f"class {target} not found; an alias points to a class that exists")
        self._engine.put_alias(alias, target)
        return {"alias": alias, "class": target}

    # -- import

    def for_import(self, name: str, objects: Numbered, errors: list[WeftError | None]) -> Collection:
        """The collection that the objects go to; auto-schema makes it, or what it lacks, where the settings allow.

        The error of an object whose properties fit no schema is put at its position in ``errors``.
        """
        collection = self._engine.find(collection_name(name))
        if not self._rules.auto_schema:
            return self.open(name) if collection is None else collection
        if collection is not None:
            config = collection.config
            if all(auto_schema.is_covered(config, one.properties) for _, one in objects):
                return collection
        with self._lock:
            known = self._engine.find(collection_name(name))
            collection = known or self._create_for(name, objects)
            self._extend(collection, objects, errors)
            if known is None and all(errors[i] is not None for i, _ in objects):
                self._engine.drop(collection.config.name)
        return collection

    def _create_for(self, name: str, objects: Numbered) -> Collection:
        vectorizer = self._rules.defaults.vectorizer
        empty = auto_schema.new_collection(collection_name(name), [], vectorizer=vectorizer)
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
            self._change(collection, complete(document, self._registry, self._rules.defaults, existing=existing))

    # -- inside

    def _change(self, collection: Collection, document: Mapping[str, Any]) -> CollectionConfig:
        self._validate(document)
        config = parse(document)
        self._check_vectorizers(config)
        self._engine.configure(collection, config)
        return collection.config

    def _check_vectorizers(self, config: CollectionConfig) -> None:
        """Refuse a vector whose module could not make it of this collection's objects."""
        for vector in config.vectors.values():
            if vector.vectorizer != "none":
                module = self._registry.vectorizer(vector.vectorizer)
                module.validate(config, vector, self._rules.auto_schema)

    def _validate(self, document: Mapping[str, Any]) -> None:
        validate(document, self._registry, async_indexing=self._rules.async_indexing, exists=self._exists)

    def _exists(self, name: str) -> bool:
        return self._engine.find(name) is not None
