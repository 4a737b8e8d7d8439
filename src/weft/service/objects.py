"""The verbs on objects: insert, replace, merge, delete, exists, get, batch, delete by filter; and their references."""

from __future__ import annotations

import uuid as uuid_module
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TypeVar

from weft.access.permissions import CREATE, DELETE, READ, UPDATE
from weft.access.requirement import requires
from weft.domain.caller import Caller
from weft.domain.clock import now_ms
from weft.domain.errors import Conflict, Invalid, NotFound, WeftError
from weft.domain.filters import Filter
from weft.domain.objects import IncomingObject, IncomingReference, Object, Properties, Reference, Vector, parse_uuid
from weft.domain.schema import LEGACY_VECTOR, CollectionConfig, DataType
from weft.engine.embedded.changes import Change, Done, Outcome, Remove, Upsert
from weft.engine.embedded.collection import Collection
from weft.engine.embedded.shard import Shard
from weft.service.collections import Collections
from weft.service.editing import ATTEMPTS, turn
from weft.service.filtering import allowed
from weft.service.permissions.objects import (
    deleting_by_filter,
    linking,
    named_object,
    relinking,
    same_rights,
    unlinking,
    whole_object,
)
from weft.service.references import References
from weft.service.values import coerce
from weft.service.vectorize import ObjectVectorizer, checked_vectors

T = TypeVar("T")
_DELETE_LIMIT = 10_000


@dataclass(slots=True)
class Deleted:
    """``objects``: (uuid, error or None) of each match, when asked for."""

    matches: int = 0
    successful: int = 0
    failed: int = 0
    objects: list[tuple[bytes, str | None]] = field(default_factory=list)


class Objects:
    def __init__(self, collections: Collections, vectorizer: ObjectVectorizer) -> None:
        self._collections = collections
        self._vectorizer = vectorizer
        self._references = References(collections)

    # -- one object

    @requires(whole_object(CREATE))
    def insert(self, incoming: IncomingObject, caller: Caller) -> Object:
        """Store a new object; Conflict when its uuid exists."""
        collection, shard, obj = self._prepared(incoming)
        if shard.lookup([obj.uuid])[0] is not None:
            raise Conflict(f"id '{incoming.uuid}' already exists")
        self._vectorise(collection.config, shard, obj, caller)
        return self._store(shard, Upsert(obj, shard.encode([obj])[0], insert_only=True))

    @requires(whole_object(UPDATE))
    def replace(self, incoming: IncomingObject, caller: Caller) -> Object:
        """Store the object whole in the place of the one with its uuid. NotFound when there is none.

        Of the stored vectors only those are kept that a module would make again from the same properties.
        """
        self._require(incoming)
        collection, shard, obj = self._prepared(incoming)
        stored = self._stored(shard, obj.uuid)
        if stored is None:
            raise _absent(incoming)
        self._vectorizer.keep_unchanged(collection.config, stored[1], obj)
        self._vectorise(collection.config, shard, obj, caller)
        return self._store(shard, Upsert(obj, shard.encode([obj])[0]))

    @requires(whole_object(READ))
    def validate(self, incoming: IncomingObject) -> None:
        """Raises what ``insert`` would refuse the object's uuid, properties and vectors for; nothing is stored."""
        _single(self._collections.get(incoming.collection), incoming)

    @requires(whole_object(UPDATE))
    def merge(self, incoming: IncomingObject, caller: Caller) -> Object:
        """Change only the properties and vectors given: a null removes, references are added to those that are there.

        NotFound when there is no such object.
        """
        self._require(incoming)
        collection, shard, patch = self._prepared(incoming)
        removed = [name for name, value in incoming.properties.items() if value is None]
        asks_modules = any(vector.vectorizer != "none" for vector in collection.config.vectors.values())
        for attempt in range(ATTEMPTS):
            with turn(shard, attempt, asks_modules=asks_modules):
                stored = self._stored(shard, patch.uuid)
                if stored is None:
                    raise _absent(incoming)
                doc_id, old = stored
                values = _merged(collection.config, old.properties, patch.properties)
                for name in removed:
                    values.pop(name, None)
                merged = Object(patch.uuid, values, dict(patch.vectors), old.created_ms, patch.updated_ms)
                self._vectorizer.keep_unchanged(collection.config, old, merged)
                self._vectorizer.keep_provided(collection.config, old, merged)
                self._vectorise(collection.config, shard, merged, caller)
                try:
                    return self._store(shard, Upsert(merged, shard.encode([merged])[0], expected_doc_id=doc_id))
                except Conflict:
                    if attempt == ATTEMPTS - 1:
                        raise
        raise AssertionError("unreachable")

    @requires(named_object(DELETE))
    def delete(self, collection: str, uuid: str, tenant: str | None) -> None:
        shard = self._collections.shard(self._collections.open(collection), tenant)
        outcome = shard.submit([Remove(parse_uuid(uuid))])[0]
        if isinstance(outcome, WeftError):
            raise outcome
        if outcome.replaced is None:
            raise NotFound(f"no object with id '{uuid}' in class {collection}")

    @requires(named_object(READ))
    def exists(self, collection: str, uuid: str, tenant: str | None) -> bool:
        shard = self._collections.shard(self._collections.open(collection), tenant)
        return shard.lookup([parse_uuid(uuid)])[0] is not None

    @requires(named_object(READ))
    def get(self, collection: str, uuid: str, tenant: str | None, *, vectors: bool) -> Object:
        shard = self._collections.shard(self._collections.open(collection), tenant)
        stored = self._stored(shard, parse_uuid(uuid), vectors=vectors)
        if stored is None:
            raise NotFound(f"no object with id '{uuid}' in class {collection}")
        return stored[1]

    # -- many

    @requires(per_item=whole_object(UPDATE, CREATE), group_by=same_rights)
    def batch(self, incoming: Sequence[IncomingObject], caller: Caller) -> list[WeftError | None]:
        """Store each object, new or not; one error or None each. An object at fault hinders no other."""
        errors: list[WeftError | None] = [None] * len(incoming)
        by_collection: dict[str, list[int]] = defaultdict(list)
        for i, one in enumerate(incoming):
            by_collection[one.collection].append(i)
        for name, positions in by_collection.items():
            collection = self._guarded(errors, positions, partial(self._open_for, name, incoming, positions, errors))
            if collection is not None:
                self._batch_one(collection, incoming, [i for i in positions if errors[i] is None], errors, caller)
        return errors

    def _open_for(
        self, name: str, incoming: Sequence[IncomingObject], positions: list[int], errors: list[WeftError | None]
    ) -> Collection:
        return self._collections.for_import(name, [(i, incoming[i]) for i in positions], errors)

    def _batch_one(
        self,
        collection: Collection,
        incoming: Sequence[IncomingObject],
        positions: list[int],
        errors: list[WeftError | None],
        caller: Caller,
    ) -> None:
        config = collection.config
        now = now_ms()
        by_tenant: dict[str | None, list[tuple[int, Object]]] = defaultdict(list)
        for i in positions:
            try:
                by_tenant[incoming[i].tenant or None].append((i, _object(config, incoming[i], now)))
            except WeftError as error:
                errors[i] = error
        for tenant, objects in by_tenant.items():
            ids = [i for i, _ in objects]
            shard = self._guarded(errors, ids, partial(self._collections.shard, collection, tenant, importing=True))
            if shard is None:
                continue
            wrong = self._references.check(config, shard, tenant, [obj.properties for _, obj in objects])
            for i, refusal in zip(ids, wrong, strict=True):
                errors[i] = refusal
            objects = [one for one, refusal in zip(objects, wrong, strict=True) if refusal is None]
            ids = [i for i, _ in objects]
            self._keep_unchanged(config, shard, [obj for _, obj in objects])
            failed = self._guarded(
                errors, ids, partial(self._vectorizer.fill, config, shard, [obj for _, obj in objects], caller)
            )
            if failed is None:
                continue
            ready = [(i, obj) for (i, obj), failure in zip(objects, failed, strict=True) if failure is None]
            for (i, _), failure in zip(objects, failed, strict=True):
                errors[i] = failure
            changes: list[Change] = [
                Upsert(obj, record) for (_, obj), record in zip(ready, shard.encode([o for _, o in ready]), strict=True)
            ]
            outcomes = self._guarded(errors, [i for i, _ in ready], partial(shard.submit, changes))
            for (i, _), outcome in zip(ready, outcomes or (), strict=False):
                errors[i] = outcome if isinstance(outcome, WeftError) else None

    def _keep_unchanged(self, config: CollectionConfig, shard: Shard, objects: Sequence[Object]) -> None:
        """Give objects that are stored already the vectors that modules would make again."""
        made = {name for name, vector in config.vectors.items() if vector.vectorizer != "none"}
        lacking = [obj for obj in objects if not made <= obj.vectors.keys()] if made else []
        for obj, doc_id in zip(lacking, shard.lookup([obj.uuid for obj in lacking]), strict=True):
            if doc_id is not None and (stored := self._stored(shard, obj.uuid)) is not None:
                self._vectorizer.keep_unchanged(config, stored[1], obj)

    @staticmethod
    def _guarded(errors: list[WeftError | None], positions: Sequence[int], action: Callable[[], T]) -> T | None:
        """The action's result; when it raises a WeftError, that is the error of every object it was for, and None."""
        try:
            return action()
        except WeftError as error:
            for i in positions:
                errors[i] = error
            return None

    @requires(deleting_by_filter)
    def delete_many(
        self, collection: str, tenant: str | None, filter: Filter, *, dry_run: bool, verbose: bool
    ) -> Deleted:
        """Delete the first 10,000 objects that match."""
        shard = self._collections.shard(self._collections.open(collection), tenant)
        allow = allowed(self._collections, shard, tenant, filter, shard.view)
        doc_ids = allow.ids[:_DELETE_LIMIT].tolist()
        uuids = shard.uuids(doc_ids)
        result = Deleted(matches=len(allow), successful=len(doc_ids))
        outcomes: list[Outcome] = [Done(None, None)] * len(uuids)
        if not dry_run:
            outcomes = shard.submit([Remove(u, doc_id) for u, doc_id in zip(uuids, doc_ids, strict=True)])
            result.failed = sum(isinstance(o, WeftError) for o in outcomes)
            result.successful = len(outcomes) - result.failed
        if verbose:
            result.objects = [
                (uuid, o.message if isinstance(o, WeftError) else None) for uuid, o in zip(uuids, outcomes, strict=True)
            ]
        return result

    # -- references

    @requires(per_item=linking)
    def link(
        self, references: Sequence[IncomingReference], caller: Caller, *, must_exist: bool = False
    ) -> list[WeftError | None]:
        """Add each reference; one error or None each. ``must_exist``: refuse targets that do not exist."""
        return self._references.link(references, must_exist=must_exist)

    @requires(unlinking)
    def unlink(self, reference: IncomingReference, caller: Caller) -> None:
        """Nothing happens when the object has no such reference; NotFound when there is no such object."""
        self._references.unlink(reference)

    @requires(relinking)
    def relink(
        self, collection: str, uuid: str, property: str, targets: Sequence[Reference], tenant: str | None
    ) -> None:
        """Make ``targets`` all that the property points to."""
        self._references.relink(collection, uuid, property, targets, tenant)

    # -- parts

    def _require(self, incoming: IncomingObject) -> None:
        """NotFound unless the object is there: one that is not gets no class and no property made for it."""
        if incoming.uuid is not None and not self.exists(incoming.collection, incoming.uuid, incoming.tenant):
            raise _absent(incoming)

    def _prepared(self, incoming: IncomingObject) -> tuple[Collection, Shard, Object]:
        errors: list[WeftError | None] = [None]
        collection = self._collections.for_import(incoming.collection, [(0, incoming)], errors)
        if errors[0] is not None:
            raise errors[0]
        shard = self._collections.shard(collection, incoming.tenant, importing=True)
        obj = _single(collection.config, incoming)
        for error in self._references.check(collection.config, shard, incoming.tenant or None, [obj.properties]):
            if error is not None:
                raise error
        return collection, shard, obj

    def _vectorise(self, config: CollectionConfig, shard: Shard, obj: Object, caller: Caller) -> None:
        error = self._vectorizer.fill(config, shard, [obj], caller)[0]
        if error is not None:
            raise error

    @staticmethod
    def _store(shard: Shard, upsert: Upsert) -> Object:
        outcome = shard.submit([upsert])[0]
        if isinstance(outcome, WeftError):
            raise outcome
        return upsert.object

    @staticmethod
    def _stored(shard: Shard, uuid: bytes, *, vectors: bool = True) -> tuple[int, Object] | None:
        """The object and its doc_id, read again when it is replaced between look-up and reading."""
        while (doc_id := shard.lookup([uuid])[0]) is not None:
            record = shard.read([doc_id])[0]
            if record is None:
                continue
            obj = record.to_object()
            if vectors:
                obj.vectors = _vectors(shard, doc_id)
            return doc_id, obj
        return None


def _absent(incoming: IncomingObject) -> NotFound:
    return NotFound(f"no object with id '{incoming.uuid}' in class {incoming.collection}")


def _merged(config: CollectionConfig, old: Properties, patch: Properties) -> Properties:
    values = {**old, **patch}
    for name, value in patch.items():
        if value and old.get(name) and config.by_name[name].data_type is DataType.REFERENCE:
            values[name] = [*old[name], *value]
    return values


def _vectors(shard: Shard, doc_id: int) -> dict[str, Vector]:
    found = {name: shard.vectors_of(name, [doc_id])[0] for name in shard.config.vectors}
    return {name: vector for name, vector in found.items() if vector is not None}


def _single(config: CollectionConfig, incoming: IncomingObject) -> Object:
    """The checked object of a request that brings one; what is wrong is told as the protocol tells it there."""
    try:
        return _object(config, incoming, now_ms())
    except Invalid as error:
        raise Invalid(f"invalid object: {error}", **error.facts) from None


def _object(config: CollectionConfig, incoming: IncomingObject, now: int) -> Object:
    """The object checked against its collection's schema; raises Invalid naming what is wrong."""
    uuid = uuid_module.uuid4().bytes if incoming.uuid is None else parse_uuid(incoming.uuid)
    vectors = checked_vectors(config, _named(config, incoming.vectors))
    return Object(uuid, coerce(config, incoming.properties), vectors, now, now)


def _named(config: CollectionConfig, vectors: dict[str, Vector]) -> dict[str, Vector]:
    """The unnamed vector of a request belongs to the collection's only vector, whatever its name."""
    if LEGACY_VECTOR in vectors and LEGACY_VECTOR not in config.vectors and len(config.vectors) == 1:
        (only,) = config.vectors
        if only not in vectors:
            return {only if name == LEGACY_VECTOR else name: vector for name, vector in vectors.items()}
    if not config.vectors and LEGACY_VECTOR in vectors:
        raise Invalid(f"collection {config.name} has no vectors; add one to its configuration to store them")
    return vectors
