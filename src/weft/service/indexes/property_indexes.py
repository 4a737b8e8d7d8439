"""The verbs on indexes of properties.

A property has one migration at a time, properties of a collection have theirs one after the other. An index is dropped
at once; all else is a job.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass

from weft.access.permissions import READ
from weft.access.requirement import requires
from weft.domain.errors import CallerError, Conflict, Invalid, NotFound, Overloaded
from weft.domain.json_values import JsonObject
from weft.domain.schema import CollectionConfig
from weft.domain.tenants import TenantStatus
from weft.engine.driver import OpenCollection
from weft.jobs.job import Job
from weft.jobs.reindex import REINDEX, Reindexer
from weft.jobs.runner import JobRunner
from weft.service.indexes import planning
from weft.service.indexes.migration import IndexName, Migration, index_name, property_of
from weft.service.indexes.planning import Joined, UnderWay
from weft.service.indexes.statuses import IndexStatus, statuses
from weft.service.indexes.tasks import ReindexTask, Unit
from weft.service.permissions import collections as permit
from weft.service.permissions.server import reading_cluster
from weft.service.schema.documents import Document, Stated
from weft.service.schemas import Schemas

_MOST_AT_ONCE = 32
"""Migrations of one collection that have not ended."""


@dataclass(frozen=True, slots=True)
class WantedIndex:
    """What an index should be like; empty: as it is."""

    tokenization: str = ""
    algorithm: str = ""


@dataclass(frozen=True, slots=True)
class ListedTask:
    task: ReindexTask
    units: Sequence[Unit]


class PropertyIndexes:
    def __init__(self, schemas: Schemas, runner: JobRunner, *, enabled: bool) -> None:
        self._schemas = schemas
        self._runner = runner
        self._enabled = enabled
        self._reindexers: dict[str, Reindexer] = {}
        """By the id of the task; those that have ended are removed when the next one begins."""
        runner.add(REINDEX, self._reopen)

    # -- watching

    @requires(permit.collection(READ))
    def list(self, name: str) -> tuple[CollectionConfig, Sequence[tuple[Stated, Sequence[IndexStatus]]]]:
        """The collection, and the indexes of each of its properties, in order."""
        collection = self._schemas.open(name)
        config, tasks = collection.config, self._tasks_of(collection)
        return config, [(one, statuses(one, tasks)) for one in config.document["properties"]]

    @requires(reading_cluster)
    def tasks(self) -> Sequence[ListedTask]:
        """All migrations, the latest first; old ones are forgotten."""
        return [ListedTask(one, self._units(one)) for one in self._tasks()]

    # -- changing

    @requires(permit.dropping_index)
    def put(self, name: str, property: str, index: str, wanted: WantedIndex, tenants: Sequence[str]) -> str | None:
        """Make an index as it is wanted; the id of the task that does so, None if there is nothing to do.

        Raises NotFound, Conflict, Overloaded, and CallerError for what is not possible.
        """
        self._check_enabled()
        kind = index_name(index)
        with self._schemas.turn:
            collection = self._schemas.open(name)
            found = property_of(collection.config.document, property)
            under_way = next(
                (UnderWay(one.id, one.migration) for one in self._active(collection, property)),
                None,
            )
            plan = planning.plan(found, kind, wanted.tokenization, wanted.algorithm, under_way)
            if isinstance(plan, Migration):
                self._schemas.headroom.check_room()
                return self._submit(collection, plan, tenants)
            self._check_tenants(collection, tenants, allowed=kind is IndexName.RANGE_FILTERS)
            return plan.id if isinstance(plan, Joined) else None

    @requires(permit.dropping_index)
    def rebuild(self, name: str, property: str, index: str, tenants: Sequence[str]) -> str:
        """Index the stored objects once more; the id of the task. Raises as ``put``."""
        self._check_enabled()
        kind = index_name(index)
        with self._schemas.turn:
            collection = self._schemas.open(name)
            self._schemas.headroom.check_room()
            migration = planning.plan_rebuild(property_of(collection.config.document, property), kind)
            return self._submit(collection, migration, tenants)

    @requires(permit.dropping_index)
    def cancel(self, name: str, property: str, index: str) -> str | None:
        """The id of the task that is cancelled, None if there is none. Raises NotFound, Conflict if it is too late."""
        kind = index_name(index)
        collection = self._schemas.open(name)
        property_of(collection.config.document, property)
        for task in self._active(collection, property):
            if kind in task.migration.type.indexes:
                job = self._runner.find(REINDEX, task.id)
                if job is None or not self._runner.cancel_job(job):
                    raise Conflict(
                        f'reindex task "{task.id}" on {task.collection}.{property} is in status {task.status}: it is '
                        "being put in place, or has ended; nothing was cancelled",
                        id=task.id,
                    )
                return task.id
        return None

    @requires(permit.dropping_index)
    def drop(self, name: str, property: str, index: str) -> None:
        """Searches and filters that need it are refused from now on, and its space is freed. Raises Invalid."""
        try:
            flag = index_name(index).flag
        except CallerError as error:
            raise Invalid(error.message) from None

        def edit(config: CollectionConfig, document: Document) -> None:
            found = next((one for one in document["properties"] if one["name"] == property), None)
            if found is None:
                raise Invalid(f"property name {property[:80]}: not found")
            found[flag] = False

        with self._schemas.turn:
            for task in self._active(self._schemas.open(name), property):
                raise Invalid(
                    f'reindex task "{task.id}" ({task.migration.type}) is in flight on {task.collection}.{property} '
                    f"(status={task.status}); schema mutations on this property are blocked until the reindex "
                    "completes or is cancelled — wait for the task to reach a terminal state, or cancel it via the "
                    "reindex REST API before retrying",
                    id=task.id,
                )
            self._schemas.edit(name, edit)

    # -- inside

    def _check_enabled(self) -> None:
        if not self._enabled:
            raise CallerError("runtime reindex is disabled; enable with RUNTIME_REINDEX_ENABLED=true")

    def _check_one_server(self) -> None:
        """What the others write meanwhile would be indexed as before. Raises Conflict."""
        others = len(self._schemas.database.servers()) - 1
        if others > 0:
            raise Conflict(
                f"an index of stored objects is changed while only one server has the catalog, and {others} more run; "
                "stop them until the task has ended"
            )

    def _submit(self, collection: OpenCollection, migration: Migration, tenants: Sequence[str]) -> str:
        config = collection.config
        self._check_one_server()
        self._check_tenants(collection, tenants, allowed=migration.type.takes_tenants)
        for task in self._active(collection, migration.property):
            raise Conflict(
                f'reindex task "{task.id}" conflicts: already running {task.migration.type} for overlapping '
                "properties; wait for the in-flight task to finish before submitting another",
                id=task.id,
            )
        active = [one for one in self._tasks_of(collection) if not one.status.ended]
        if len(active) >= _MOST_AT_ONCE:
            raise Overloaded(
                f'collection "{config.name}" already has {len(active)} concurrent reindex tasks (max {_MOST_AT_ONCE}); '
                "wait for one to finish before submitting another"
            )
        try:
            self._schemas.edited(collection, migration.apply)
        except Invalid as error:
            raise CallerError(error.message) from None
        id = f"{config.name}:{migration.type}:{migration.property}:{secrets.token_hex(2)}"
        request: JsonObject = {
            "collection": self._schemas.database.id_of(config.name),
            "migration": migration.to_json(),
            "tenants": list(tenants),
        }
        job = Job(REINDEX, id, id, (config.name,), request)
        self._reindexers = {one: reindexer for one, reindexer in self._reindexers.items() if self._is_under_way(one)}
        self._runner.submit(job, self._reindexer(job, continued=False))
        return id

    def _reopen(self, job: Job) -> Reindexer:
        return self._reindexer(job, continued=True)

    def _reindexer(self, job: Job, *, continued: bool) -> Reindexer:
        """The work of a job, also of an earlier process. Raises NotFound when the collection is gone."""
        task = ReindexTask.of_record(job.record)
        collection = self._schemas.database.with_id(task.collection_id)
        if collection is None:
            raise NotFound(f"class {task.collection} was deleted", collection=task.collection)
        found = collection

        def target() -> CollectionConfig:
            if self._schemas.database.with_id(task.collection_id) is not found:
                raise NotFound(f"class {task.collection} was deleted", collection=task.collection)
            return self._schemas.edited(found, task.migration.apply)

        def configure() -> None:
            with self._schemas.turn:
                self._schemas.database.configure(found, target())

        rebuild = task.migration.type.rebuilds
        reindexer = Reindexer(found, task.tenants or None, target, configure, rebuild=rebuild, continued=continued)
        self._reindexers[task.id] = reindexer
        return reindexer

    def _check_tenants(self, collection: OpenCollection, tenants: Sequence[str], *, allowed: bool) -> None:
        if not tenants:
            return
        if not collection.config.tenancy.enabled:
            raise CallerError("tenants parameter is only valid for multi-tenant collections")
        if not allowed:
            raise CallerError("tenants parameter cannot be used with semantic migrations; all tenants must be targeted")
        known = collection.tenants()
        for one in tenants:
            if one not in known:
                raise CallerError(f'tenant "{one[:80]}" does not exist', tenant=one)
            if known[one] is not TenantStatus.ACTIVE:
                raise CallerError(f'tenant "{one}" is not active; activate it, or leave it out', tenant=one)

    def _tasks(self) -> Sequence[ReindexTask]:
        return [ReindexTask.of_record(one) for one in self._runner.records() if one.kind == REINDEX.name]

    def _tasks_of(self, collection: OpenCollection) -> Sequence[ReindexTask]:
        """The latest first."""
        id = self._schemas.database.id_of(collection.config.name)
        return [one for one in self._tasks() if one.collection_id == id]

    def _active(self, collection: OpenCollection, property: str) -> Sequence[ReindexTask]:
        """Those of the property that have not ended: one, or none."""
        return [
            one for one in self._tasks_of(collection) if one.migration.property == property and not one.status.ended
        ]

    def _is_under_way(self, id: str) -> bool:
        job = self._runner.find(REINDEX, id)
        return job is not None and not job.ended

    def _units(self, task: ReindexTask) -> Sequence[Unit]:
        collection = self._schemas.database.with_id(task.collection_id)
        if collection is None:
            return []
        reindexer = self._reindexers.get(task.id)
        shards = task.tenants or collection.active()
        return task.units(shards, {} if reindexer is None else reindexer.progress)
