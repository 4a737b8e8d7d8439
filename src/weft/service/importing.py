"""Imports: many objects of any collections and tenants in one request, each stored or refused independently.

Copies of objects that are stored elsewhere keep their times, get no vectors that they did not have, and may lead to
objects that come later.
"""

from __future__ import annotations

import uuid as uuid_module
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from weft.domain.caller import Caller
from weft.domain.clock import now_ms
from weft.domain.errors import Invalid, ReadOnly, WeftError
from weft.domain.names import collection_name
from weft.domain.objects import IncomingObject, Object, Vector, parse_uuid
from weft.domain.schema import LEGACY_VECTOR, CollectionConfig
from weft.domain.sent_columns import SentColumns
from weft.engine.changes import Remove, Upsert
from weft.engine.collection import shard_name
from weft.engine.part import Part
from weft.engine.view import find_objects, find_records
from weft.service.blob_hashes import has_blob_hashes, hash_blobs
from weft.service.collections import Collections
from weft.service.fingerprints import foreign
from weft.service.import_schemas import Errors, ImportPlan
from weft.service.media_references.references import MediaReferences
from weft.service.reference_targets import ReferenceTargets
from weft.service.tenants import check_tenant_name
from weft.service.typed_columns import TypedColumns, typed_columns
from weft.service.values import coerce
from weft.service.vectorize import ObjectVectorizer
from weft.service.vectors import checked_vectors, leave_out_removed, make_public, unfit, unfit_for

_OBJECT_BYTES = 2_000

Numbered = dict[int, Object]
"""Objects with their positions in the request."""


class Importer:
    def __init__(
        self,
        collections: Collections,
        vectorizer: ObjectVectorizer,
        targets: ReferenceTargets,
        media: MediaReferences,
    ) -> None:
        self._collections = collections
        self._media = media
        self._vectorizer = vectorizer
        self._targets = targets

    def check_new_tenants(self, incoming: Sequence[IncomingObject]) -> None:
        """Raises Invalid if a tenant that an import would create has no name or a wrong one, UsageLimitExceeded if
        they are too many."""
        tenants: dict[str, set[str]] = defaultdict(set)
        for name, tenant in dict.fromkeys((one.collection, one.tenant or "") for one in incoming):
            collection = self._collections.find(collection_name(name))
            if collection is not None and collection.config.tenancy.enabled and collection.config.tenancy.auto_creation:
                check_tenant_name(tenant)
                tenants[collection.config.name].add(tenant)
        for name, wanted in tenants.items():
            self._collections.check_new_tenants(self._collections.open(name), wanted)

    def run(self, incoming: Sequence[IncomingObject], caller: Caller) -> Errors:
        """Store each object, new or not; one error or None each. A refused object does not affect the others."""
        try:
            self._collections.check_room(_needed_bytes(incoming))
        except ReadOnly as error:
            return [error] * len(incoming)
        errors: Errors = [None] * len(incoming)
        with self._media.read(incoming, errors):
            by_collection: dict[str, dict[int, IncomingObject]] = defaultdict(dict)
            for i, one in enumerate(incoming):
                if errors[i] is None:
                    by_collection[one.collection][i] = one
            for name, given in by_collection.items():
                try:
                    self._into_collection(name, given, errors, caller)
                except WeftError as error:
                    _blame(given, error, errors)
        return errors

    def _into_collection(
        self, name: str, incoming: Mapping[int, IncomingObject], errors: Errors, caller: Caller
    ) -> None:
        now, lenient = now_ms(), self._collections.makes_schemas

        def check(config: CollectionConfig, one: IncomingObject) -> Object:
            return checked_object(config, one, now, lenient=lenient)

        plan = self._collections.plan_import(name, incoming, errors, check)
        if plan.collection is None:
            create_planned(self._collections, self._targets, plan, incoming, errors)
        by_tenant: dict[str | None, Numbered] = defaultdict(dict)
        for i, obj in plan.objects.items():
            by_tenant[incoming[i].tenant or None][i] = obj
        for tenant, objects in by_tenant.items():
            assert plan.collection is not None, "a plan with objects has one by now"
            try:
                with self._collections.use(plan.collection, tenant, importing=True) as part:
                    self._into_part(plan, part, tenant, objects, incoming, errors, caller)
            except WeftError as error:
                _blame(objects, error, errors)
            for i, obj in objects.items():
                incoming[i].stored = make_public(plan.config, obj) if errors[i] is None else None

    def _into_part(
        self,
        plan: ImportPlan,
        part: Part,
        tenant: str | None,
        objects: Numbered,
        incoming: Mapping[int, IncomingObject],
        errors: Errors,
        caller: Caller,
    ) -> None:
        """Each step takes the objects that passed the one before; the schema grows last, by what they need."""
        config = plan.config
        properties = [obj.properties for obj in objects.values()]
        are_copies = all(incoming[i].stored_ms is not None for i in objects)
        if not are_copies:
            objects = _passed(objects, self._targets.check(config, tenant, properties), errors)
        objects = _passed(objects, foreign(part, list(objects.values())), errors)
        if not are_copies:
            self._keep_unchanged(config, part, list(objects.values()))
            made = self._vectorizer.fill(config, part, tenant, list(objects.values()), caller)
            objects = _passed(objects, made, errors)
        view = part.view()
        for obj in objects.values():
            leave_out_removed(view.config, obj)
        objects = _passed(objects, unfit(view, list(objects.values())), errors)
        with self._collections.adding(part, [obj.uuid for obj in objects.values()]):
            if objects and plan.grows:
                self._collections.settle_import(plan, {i: incoming[i] for i in objects}, errors)
                objects = {i: obj for i, obj in objects.items() if errors[i] is None}
            if has_blob_hashes(config):
                for obj in objects.values():
                    hash_blobs(config, obj, obj.properties)
            again = _created_again(part, list(objects.values())) if are_copies else frozenset()
            removals = [Remove(uuid) for uuid in again]  # or the engine keeps the time of creation that it has
            outcomes = part.write([*removals, *(Upsert(obj) for obj in objects.values())])[len(removals) :]
        for i, outcome in zip(objects, outcomes, strict=True):
            if isinstance(outcome, WeftError):
                errors[i] = outcome

    def _keep_unchanged(self, config: CollectionConfig, part: Part, objects: Sequence[Object]) -> None:
        """Copy the stored vectors to objects for which modules would only make the same ones again."""
        made = {name for name, vector in config.stored.items() if vector.vectorizer != "none"}
        lacking = [obj for obj in objects if not made <= obj.vectors.keys()] if made else []
        if not lacking:
            return
        stored = find_objects(part.view(expired=True), [obj.uuid for obj in lacking], vectors=True)
        for obj, found in zip(lacking, stored, strict=True):
            if found is not None:
                self._vectorizer.keep_unchanged(config, found[1], obj)


def _created_again(part: Part, objects: Sequence[Object]) -> frozenset[bytes]:
    """Those that are stored, and were created at another time."""
    stored = find_records(part.view(expired=True), [obj.uuid for obj in objects])
    return frozenset(
        obj.uuid
        for obj, found in zip(objects, stored, strict=True)
        if found is not None and found[1].created_ms != obj.created_ms
    )


def _needed_bytes(incoming: Sequence[IncomingObject]) -> int:
    """Roughly, beside what has been received: the vectors once more, and what is encoded of the objects, which are
    taken to be like the first."""
    vectors = sum(vector.nbytes for vector in incoming[0].vectors.values()) if incoming else 0
    return len(incoming) * (_OBJECT_BYTES + 2 * vectors)


def create_planned(
    collections: Collections,
    targets: ReferenceTargets,
    plan: ImportPlan,
    incoming: Mapping[int, IncomingObject],
    errors: Errors,
) -> None:
    """Create the collection of ``plan`` for the objects that it can store; not if there are none.

    All checks that need no collection come first. No module makes vectors for a collection made by auto-schema.
    """
    config, objects = plan.config, plan.objects
    for i in objects:
        try:
            shard_name(config, incoming[i].tenant or None)
        except WeftError as error:
            errors[i] = error
    properties = [obj.properties for obj in objects.values()]
    for found in (targets.check(config, None, properties), unfit_for(config, _no_dims, list(objects.values()))):
        for i, reason in zip(objects, found, strict=True):
            errors[i] = errors[i] or reason
    accepted = {i: incoming[i] for i in objects if errors[i] is None}
    if accepted:
        collections.check_new_objects(len(accepted))
        collections.settle_import(plan, accepted, errors)
    plan.objects = {i: obj for i, obj in objects.items() if errors[i] is None}


def _no_dims(name: str) -> None:
    """Those of a collection without objects."""


def _passed(objects: Numbered, found: Sequence[WeftError | None], errors: Errors) -> Numbered:
    """The objects without an error; the errors of the others are put at their positions."""
    if not any(found):
        return objects
    passed = {}
    for (i, obj), error in zip(objects.items(), found, strict=True):
        if error is None:
            passed[i] = obj
        else:
            errors[i] = error
    return passed


def _blame(places: Iterable[int], error: WeftError, errors: Errors) -> None:
    """Give ``error`` to all that do not have one yet."""
    for i in places:
        errors[i] = errors[i] or error


def checked_object(config: CollectionConfig, incoming: IncomingObject, now: int, *, lenient: bool) -> Object:
    """The object checked against its collection's schema; raises Invalid naming what is wrong.

    ``lenient``: see ``coerce``.
    """
    if incoming.columns is not None:
        typed = typed_columns(config, incoming.columns)
        if typed is not None:
            return _typed_object(config, incoming, incoming.columns, typed, now)
    uuid = uuid_module.uuid4().bytes if incoming.uuid is None else parse_uuid(incoming.uuid)
    vectors = checked_vectors(config, _named(config, incoming.vectors))
    known = ((config.vectors.get(name), model) for name, model in incoming.models.items())
    models = {vector.name: model for vector, model in known if vector is not None and vector.name in vectors}
    created, updated = incoming.stored_ms or (now, now)
    return Object(uuid, coerce(config, incoming.properties, lenient=lenient), vectors, created, updated, models)


def _typed_object(
    config: CollectionConfig, incoming: IncomingObject, columns: SentColumns, typed: TypedColumns, now: int
) -> Object:
    row = incoming.row
    properties = incoming.properties if typed.properties is None else typed.properties[row]
    vectors = incoming.vectors
    if not typed.takes_vectors:
        vectors = checked_vectors(config, _named(config, vectors))
    return Object(columns.uuids[row], properties, vectors, now, now, encoded=typed.encoded[row])


def _named(config: CollectionConfig, vectors: dict[str, Vector]) -> dict[str, Vector]:
    """The unnamed vector of a request belongs to the collection's only vector, whatever its name."""
    if LEGACY_VECTOR in vectors and LEGACY_VECTOR not in config.vectors and len(config.vectors) == 1:
        (only,) = config.vectors
        if only not in vectors:
            return {only if name == LEGACY_VECTOR else name: vector for name, vector in vectors.items()}
    if not config.vectors and LEGACY_VECTOR in vectors:
        raise Invalid(f"collection {config.name} has no vectors; add one to its configuration, or leave the vector out")
    return vectors
