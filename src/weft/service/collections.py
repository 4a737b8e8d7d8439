"""The verbs on collections: create, read, update, delete; their properties, vectors and shards.

Other verbs begin here, too: they look up a collection by its name, and use one of its tenants.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace

from weft.access.permissions import DELETE, READ
from weft.access.requirement import requires
from weft.domain.cluster import ShardFacts
from weft.domain.errors import Invalid, NotFound
from weft.domain.names import collection_name
from weft.domain.schema import CollectionConfig
from weft.engine.collection import ServedCollection
from weft.engine.driver import OpenCollection
from weft.engine.part import Part
from weft.service.import_schemas import Check, Errors, ImportPlan, ImportSchemas, Numbered
from weft.service.permissions import collections as permit
from weft.service.schema.documents import Document, Stated
from weft.service.schema.vector_index.registry import DROPPED
from weft.service.schemas import Schemas
from weft.service.tenants import Tenants
from weft.service.tokens import Tokens, tokens_of_property


class Collections:
    def __init__(self, schemas: Schemas, tenants: Tenants) -> None:
        self._schemas = schemas
        self._tenants = tenants
        self._imports = ImportSchemas(schemas, self.locate)
        self._deleted: list[Callable[[str], None]] = []

    # -- for other verbs

    def open(self, name: str) -> OpenCollection:
        """By name or alias; the first letter may be lower case. Raises NotFound."""
        return self._schemas.open(name)

    def find(self, name: str) -> OpenCollection | None:
        """By name or alias, exactly as spelled."""
        return self._schemas.database.find(name)

    def use(
        self, collection: ServedCollection, tenant: str | None, *, importing: bool = False
    ) -> AbstractContextManager[Part]:
        """See ``Tenants.use``."""
        return self._tenants.use(collection, tenant, importing=importing)

    def adding(self, part: Part, uuids: Collection[bytes]) -> AbstractContextManager[None]:
        """See ``Usage.adding``."""
        return self._schemas.usage.adding(part, uuids)

    def check_room(self, needed: int = 0) -> None:
        """See ``Headroom.check_room``."""
        self._schemas.headroom.check_room(needed)

    def check_new_objects(self, new: int) -> None:
        """See ``Usage.check_objects``."""
        self._schemas.usage.check_objects(new)

    def check_new_tenants(self, collection: ServedCollection, tenants: Collection[str]) -> None:
        """See ``Usage.check_tenants``."""
        self._schemas.usage.check_tenants(collection.tenants(), tenants)

    def plan_import(self, name: str, objects: Numbered, errors: Errors, check: Check) -> ImportPlan:
        """See ``ImportSchemas.plan``."""
        return self._imports.plan(name, objects, errors, check)

    def settle_import(self, plan: ImportPlan, accepted: Numbered, errors: Errors) -> None:
        """See ``ImportSchemas.settle``."""
        self._imports.settle(plan, accepted, errors)

    def locate(self, uuid: bytes) -> str | None:
        """The first collection without tenants, by name, that has the object; None if there is none."""
        for config in self.all():
            if not config.tenancy.enabled and (collection := self.find(config.name)) is not None:
                with self.use(collection, None) as part:
                    if part.view(expired=True).find([uuid])[0] is not None:
                        return config.name
        return None

    @property
    def makes_schemas(self) -> bool:
        """Whether imports create missing collections and properties."""
        return self._imports.enabled

    # -- whole collections

    @requires(permit.knowing_collection, preliminary=True)
    def get(self, name: str) -> CollectionConfig:
        return self.open(name).config

    @requires(permit.searching_collection, preliminary=True)
    def to_search(self, name: str, tenant: str | None = None) -> CollectionConfig:
        """The collection, for callers that may read its objects, or those of ``tenant``."""
        return self.open(name).config

    @requires(permit.reading_object, preliminary=True)
    def to_read(self, name: str, uuid: str, tenant: str | None) -> CollectionConfig:
        """The collection, for callers that may read the object."""
        return self.open(name).config

    @requires(permit.reading_all_collections)
    def all(self) -> list[CollectionConfig]:
        """By name."""
        return sorted((c.config for c in self._schemas.database.collections()), key=lambda c: c.name)

    @requires(permit.reading_all_data, preliminary=True)
    def searchable(self, tenant: str | None = None) -> list[CollectionConfig]:
        """The collections that a search over all of them covers, for callers that may read all objects, or those of
        ``tenant``."""
        return self.all()

    @requires(permit.collection(READ))
    def document(self, name: str) -> Stated:
        return self.get(name).document

    @requires(redact=permit.readable_documents)
    def documents(self) -> Sequence[Stated]:
        """The documents of all collections."""
        return [config.document for config in self.all()]

    @requires(permit.creating_collection)
    def create(self, given: Stated) -> CollectionConfig:
        return self._schemas.create(given).config

    @requires(permit.updating_collection)
    def update(self, name: str, given: Stated) -> CollectionConfig:
        return self._schemas.update(name, given)

    @requires(permit.collection(DELETE))
    def delete(self, name: str) -> None:
        with self._schemas.turn:
            self._schemas.database.drop(collection_name(name))
        for react in self._deleted:
            react(collection_name(name))

    def on_delete(self, react: Callable[[str], None]) -> None:
        """From now on ``react`` is called with the name of each collection that was deleted."""
        self._deleted.append(react)

    # -- properties and vectors

    @requires(permit.adding_property)
    def add_property(self, name: str, given: Stated) -> Stated:
        """The property's document with its defaults."""
        return self._schemas.add_property(name, given)

    @requires(permit.dropping_index)
    def drop_vector_index(self, name: str, vector: str) -> None:
        def edit(config: CollectionConfig, document: Document) -> None:
            target = (document.get("vectorConfig") or {}).get(vector)
            if target is None:
                raise Invalid(f"class {config.name} has no named vector {vector!r}")
            target["vectorIndexType"] = DROPPED
            target.pop("vectorIndexConfig", None)

        self._schemas.edit(name, edit)

    @requires(permit.reading_tokens)
    def tokens(self, name: str, property: str, text: str) -> Tokens:
        """The tokens of ``text`` as the property would index it."""
        return tokens_of_property(self.get(name), property, text)

    # -- shards

    @requires(permit.reading_shards)
    def shards(self, name: str, tenant: str | None = None) -> list[ShardFacts]:
        """All, or that of one tenant: active ones first, then by name those that are not, without facts."""
        collection = self.open(name)
        active = collection.facts(tenant, counted=False)
        if self._schemas.headroom.refusal is not None:
            active = [replace(one, read_only=True) for one in active]
        others = sorted(collection.tenants().keys() - set(collection.active()))
        return active + [ShardFacts(collection.config.name, one, None) for one in others if tenant in (None, one)]

    @requires(permit.reading_shards)
    def vector_models(self, name: str, tenant: str | None = None) -> dict[str, str]:
        """The fingerprints of the models that made the vectors, by name of vector; those of callers have none."""
        with self.use(self.open(name), tenant) as part:
            return dict(part.models)

    @requires(permit.setting_shard_status)
    def set_read_only(self, name: str, shard: str, *, read_only: bool) -> None:
        """Refuse changes until this is undone, the tenant is deactivated or the server stops."""
        collection = self.open(name)
        if shard not in collection.active():
            raise NotFound(f"class {collection.config.name} has no shard {shard!r}")
        collection.set_read_only(shard, read_only=read_only)
