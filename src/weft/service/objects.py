"""The verbs on objects: insert, replace, merge, delete, exists, get, batch, delete by filter."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from weft.access.permissions import CREATE, DELETE, READ, UPDATE
from weft.access.requirement import requires
from weft.domain.caller import Caller
from weft.domain.clock import now_ms
from weft.domain.errors import Conflict, Invalid, NotFound, WeftError
from weft.domain.filters import Filter
from weft.domain.names import property_name
from weft.domain.objects import (
    IncomingObject,
    Object,
    parse_uuid,
)
from weft.domain.schema import CollectionConfig
from weft.engine.changes import Remove, Upsert
from weft.engine.part import Part
from weft.service.blob_hashes import hash_blobs
from weft.service.collections import Collections
from weft.service.filtering import resolver
from weft.service.import_schemas import Errors, ImportPlan
from weft.service.importing import Importer, checked_object, create_planned
from weft.service.media_references.references import MediaReferences
from weft.service.merging import merged_values
from weft.service.permissions.objects import (
    auto_schema,
    deleting_by_filter,
    named_object,
    same_rights,
    whole_batch,
    whole_object,
)
from weft.service.query_limits import QueryLimits
from weft.service.reference_targets import ReferenceTargets
from weft.service.stored_objects import is_stored, is_visible, stored_object
from weft.service.vectorize import ObjectVectorizer
from weft.service.vectors import leave_out_removed, make_public, unfit

_DELETE_LIMIT = 10_000


@dataclass(slots=True)
class Deleted:
    """``collection``: the name behind an alias. ``objects``: (uuid, error or None) of each match, if requested."""

    collection: str
    matches: int = 0
    successful: int = 0
    failed: int = 0
    objects: list[tuple[bytes, str | None]] = field(default_factory=list)


class Objects:
    def __init__(
        self,
        collections: Collections,
        vectorizer: ObjectVectorizer,
        limits: QueryLimits,
        media: MediaReferences,
    ) -> None:
        self._collections = collections
        self._limits = limits
        self._vectorizer = vectorizer
        self._targets = ReferenceTargets(collections)
        self._media = media
        self._importer = Importer(collections, vectorizer, self._targets, media)

    # -- one object

    @requires(whole_object(CREATE))
    def insert(self, incoming: IncomingObject, caller: Caller) -> Object:
        """Store a new object; raises Conflict when its uuid exists."""
        with self._prepared(incoming) as (plan, part, obj):
            is_free = not is_stored(part, obj.uuid)  # or an expired object has it
            if not is_free and is_visible(part, obj.uuid):
                raise Conflict(f"id '{incoming.uuid}' already exists")
            self._vectorise(plan.config, part, incoming.tenant, obj, caller)
            with self._collections.adding(part, [obj.uuid]):
                self._settle(plan, incoming)
                hash_blobs(plan.config, obj, obj.properties)
                return _store(part, plan.config, Upsert(obj, insert_only=is_free))

    @requires(whole_object(UPDATE))
    def replace(self, incoming: IncomingObject, caller: Caller) -> Object:
        """Replace the object with the same uuid. Raises NotFound when there is none.

        A stored vector is kept only if a module made it from the same properties.
        """
        self._require(incoming)
        with self._prepared(incoming) as (plan, part, obj):
            stored = stored_object(part, obj.uuid, vectors=True)
            if stored is None:
                raise _absent(incoming)
            self._vectorizer.keep_unchanged(plan.config, stored, obj)
            self._vectorise(plan.config, part, incoming.tenant, obj, caller)
            with self._collections.adding(part, [obj.uuid]):  # it may have been deleted meanwhile
                self._settle(plan, incoming)
                hash_blobs(plan.config, obj, obj.properties)
                return _store(part, plan.config, Upsert(obj))

    @requires(whole_object(READ))
    def validate(self, incoming: IncomingObject) -> None:
        """Raises the error that ``insert`` would raise for the object's uuid, properties or vectors; stores nothing.

        The uuid has to be given.
        """
        config = self._collections.get(incoming.collection)
        if not incoming.uuid:
            raise Invalid("invalid object: the object has no id; send the uuid that it is to have")
        obj = _single(config, incoming, lenient=False)
        _raise_first(self._targets.check(config, incoming.tenant or None, [obj.properties]))

    @requires(whole_object(UPDATE))
    def merge(self, incoming: IncomingObject, caller: Caller) -> Object:
        """Change only the given properties and vectors: null removes one, references are added to the existing ones.

        Raises NotFound when there is no such object.
        """
        self._require(incoming)
        removed = {property_name(name) for name, value in incoming.properties.items() if value is None}
        with self._prepared(incoming) as (plan, part, patch):
            merged, config = Object(patch.uuid), plan.config

            def merge(old: Object) -> Object:
                nonlocal merged
                values = merged_values(config, old.properties, patch.properties, removed)
                merged = Object(patch.uuid, values, dict(patch.vectors), old.created_ms, patch.updated_ms)
                merged.classified = old.classified
                self._vectorizer.keep_unchanged(config, old, merged)
                self._vectorizer.keep_provided(config, old, merged)
                self._vectorise(config, part, incoming.tenant, merged, caller)
                hash_blobs(config, merged, patch.properties)
                return make_public(config, merged)

            if plan.grows:
                stored = stored_object(part, patch.uuid, vectors=True)
                if stored is None:
                    raise _absent(incoming)
                merge(stored)  # what would refuse the change does so before the schema grows
                self._settle(plan, incoming)
                config = plan.config
            asks_modules = any(vector.vectorizer != "none" for vector in config.vectors.values())
            for error in part.edit({patch.uuid: merge}, exclusive=not asks_modules).values():
                raise _absent(incoming) if isinstance(error, NotFound) else error
            return make_public(config, merged)

    @requires(named_object(DELETE))
    def delete(self, collection: str, uuid: str, tenant: str | None) -> None:
        """Does nothing when there is no such object."""
        with self._collections.use(self._collections.open(collection), tenant) as part:
            outcome = part.write([Remove(parse_uuid(uuid))])[0]
        if isinstance(outcome, WeftError):
            raise outcome

    @requires(named_object(READ))
    def exists(self, collection: str, uuid: str, tenant: str | None) -> bool:
        with self._collections.use(self._collections.open(collection), tenant) as part:
            return is_visible(part, parse_uuid(uuid))

    @requires(named_object(READ))
    def get(self, collection: str, uuid: str, tenant: str | None, *, vectors: bool) -> Object:
        with self._collections.use(self._collections.open(collection), tenant) as part:
            key = parse_uuid(uuid)
            stored = stored_object(part, key, vectors=vectors) if is_visible(part, key) else None
        if stored is None:
            raise NotFound(f"no object with id '{uuid}' in class {collection}")
        return make_public(part.config, stored)

    # -- many

    @requires(per_item=whole_object(UPDATE, CREATE), group_by=same_rights)
    def batch(
        self, incoming: Sequence[IncomingObject], caller: Caller, *, checks_tenants: bool = False
    ) -> list[WeftError | None]:
        """Store each object, new or not; one error or None each. A refused object does not affect the others.

        ``checks_tenants``: Invalid, and nothing is stored, if tenants would be created and a name is missing or wrong,
        or they are too many.
        """
        if checks_tenants:
            self._importer.check_new_tenants(incoming)
        return self._importer.run(incoming, caller)

    @requires(whole_batch(UPDATE, CREATE), per_item=auto_schema, group_by=same_rights)
    def batch_together(self, incoming: Sequence[IncomingObject], caller: Caller) -> list[WeftError | None]:
        """As ``batch`` with ``checks_tenants``, if the caller may store all of them; otherwise none is stored."""
        return self.batch(incoming, caller, checks_tenants=True)

    @requires(deleting_by_filter)
    def delete_many(
        self,
        collection: str,
        tenant: str | None,
        filter: Filter,
        *,
        dry_run: bool,
        verbose: bool,
        by_schema: bool = False,
    ) -> Deleted:
        """Delete the first 10,000 objects that match. ``by_schema``: the caller has to be allowed to read the schema
        and not the objects."""
        self._limits.check_filters(filter)
        opened = self._collections.open(collection)
        with self._collections.use(opened, tenant) as part:
            resolve = resolver(self._collections, part.config, tenant)
            removed = part.remove(filter, _DELETE_LIMIT, dry_run=dry_run, resolve=resolve)
        failed = sum(error is not None for _, error in removed.outcomes)
        result = Deleted(part.config.name, removed.matches, len(removed.outcomes) - failed, failed)
        if verbose:
            result.objects = [(uuid, None if error is None else error.message) for uuid, error in removed.outcomes]
        return result

    # -- parts

    def _require(self, incoming: IncomingObject) -> None:
        """Raises NotFound unless the object exists: no class or property is created for one that does not."""
        if incoming.uuid is None:
            return
        with self._collections.use(self._collections.open(incoming.collection), incoming.tenant) as part:
            if not is_stored(part, parse_uuid(incoming.uuid)):
                raise _absent(incoming)

    @contextmanager
    def _prepared(self, incoming: IncomingObject) -> Iterator[tuple[ImportPlan, Part, Object]]:
        """The validated object of a request, and the part that it goes to. ``_settle`` comes before it is stored."""
        self._collections.check_room()
        errors: Errors = [None]
        with self._media.read([incoming], errors):
            _raise_first(errors)
            plan = self._collections.plan_import(incoming.collection, {0: incoming}, errors, self._checked)
            _raise_first(errors)
            if plan.collection is None:
                create_planned(self._collections, self._targets, plan, {0: incoming}, errors)
                _raise_first(errors)
                assert plan.collection is not None
            obj = plan.objects[0]
            with self._collections.use(plan.collection, incoming.tenant, importing=True) as part:
                _raise_first(self._targets.check(plan.config, incoming.tenant or None, [obj.properties]))
                yield plan, part, obj

    def _settle(self, plan: ImportPlan, incoming: IncomingObject) -> None:
        """Let the schema grow by what the object needs, now that nothing refuses it."""
        errors: Errors = [None]
        self._collections.settle_import(plan, {0: incoming}, errors)
        _raise_first(errors)

    def _checked(self, config: CollectionConfig, incoming: IncomingObject) -> Object:
        return _single(config, incoming, lenient=self._collections.makes_schemas)

    def _vectorise(self, config: CollectionConfig, part: Part, tenant: str | None, obj: Object, caller: Caller) -> None:
        """Raises the error because of which the object's vectors cannot be made or stored."""
        error = self._vectorizer.fill(config, part, tenant, [obj], caller)[0]
        view = part.view()
        leave_out_removed(view.config, obj)
        error = error or unfit(view, [obj])[0]
        if error is not None:
            raise error


def _store(part: Part, config: CollectionConfig, upsert: Upsert) -> Object:
    """The stored object, as callers see it."""
    outcome = part.write([upsert])[0]
    if isinstance(outcome, WeftError):
        raise outcome
    return make_public(config, upsert.object)


def _absent(incoming: IncomingObject) -> NotFound:
    return NotFound(f"no object with id '{incoming.uuid}' in class {incoming.collection}")


def _raise_first(errors: Errors) -> None:
    for error in errors:
        if error is not None:
            raise error


def _single(config: CollectionConfig, incoming: IncomingObject, *, lenient: bool) -> Object:
    """The validated object of a request with a single one; errors are worded as Weaviate words them there."""
    try:
        return checked_object(config, incoming, now_ms(), lenient=lenient)
    except Invalid as error:
        raise Invalid(f"invalid object: {error}", **error.facts) from None
