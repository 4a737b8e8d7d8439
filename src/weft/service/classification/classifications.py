"""The verbs on classifications: begin one, and watch it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from uuid import uuid4

from weft.access.requirement import requires
from weft.domain.caller import Caller
from weft.domain.errors import CallerError, Invalid, NotFound
from weft.domain.filters import Filter
from weft.domain.schema import CollectionConfig
from weft.jobs.job import Job
from weft.jobs.runner import JobRunner
from weft.modules.registry import Registry
from weft.service.classification.checks import check, check_vectors, vector_of
from weft.service.classification.request import (
    ALIASES,
    CONTEXTUAL,
    KNN,
    ClassificationState,
    NewClassification,
    unknown_classification,
)
from weft.service.classification.settings import with_defaults
from weft.service.classification.task import CLASSIFICATION, ClassificationTask, Progress
from weft.service.collections import Collections
from weft.service.filtering import resolver
from weft.service.permissions.classifications import classifying, watching_classification
from weft.service.query_limits import QueryLimits

_PROMPT_S = 0.1


class Classifications:
    """One runs at a time; others wait for their turn. They continue after a restart."""

    def __init__(self, collections: Collections, registry: Registry, runner: JobRunner, limits: QueryLimits) -> None:
        self._collections = collections
        self._limits = limits
        self._registry = registry
        self._runner = runner
        runner.add(CLASSIFICATION, self._reopen)

    @requires(classifying)
    def begin(self, asked: NewClassification, caller: Caller) -> ClassificationState:
        """Raises Invalid for one that is not possible, Overloaded, StorageFull.

        A short one has ended when this returns, because callers ask at once, but the answer is that it runs.
        """
        self._collections.check_room()
        asked = self._checked(asked)
        id = str(uuid4())
        job = Job(CLASSIFICATION, id, id, (asked.collection,), asked.to_json())
        begun = ClassificationState(asked, job.record)
        task = ClassificationTask(self._collections, self._registry, asked)
        self._runner.submit(job, task)
        task.ended.wait(_PROMPT_S)
        return begun

    @requires(watching_classification)
    def get(self, id: str) -> ClassificationState:
        """Raises NotFound."""
        record = self._runner.record(CLASSIFICATION, id.lower())
        if record is None:
            raise unknown_classification(id)
        progress = Progress.of(record.cursor)
        return ClassificationState(
            NewClassification.of_json(record.request), record, progress.succeeded, progress.failed
        )

    def collections_of(self, id: str) -> Sequence[str]:
        """The collection that is classified, for authorization; none if there is no such classification."""
        record = self._runner.record(CLASSIFICATION, id.lower())
        return () if record is None else record.collections

    def _reopen(self, job: Job) -> ClassificationTask:
        asked = NewClassification.of_json(job.request)
        check(self._collections.get(asked.collection), asked)
        return ClassificationTask(self._collections, self._registry, asked)

    def _checked(self, asked: NewClassification) -> NewClassification:
        """As it is run: the collection by its name, the settings with their defaults."""
        self._limits.check_filters(asked.source, asked.training, asked.target)
        asked = replace(asked, kind=ALIASES.get(asked.kind, asked.kind))
        asked = replace(asked, settings=with_defaults(asked.kind, asked.settings))
        if not asked.collection:
            raise Invalid("invalid classification: class must be set")
        try:
            config = self._collections.get(asked.collection)
        except NotFound:
            raise Invalid(f"invalid classification: could not find class {asked.collection[:80]} in schema") from None
        check(config, asked)
        self._check_filters(asked.kind, config.name, sourceWhere=asked.source, trainingSetWhere=asked.training)
        if asked.kind != KNN:
            for target in dict.fromkeys(one for name in asked.properties for one in _targets(config, name)):
                self._check_filters(asked.kind, target, targetWhere=asked.target)
        return replace(asked, collection=config.name)

    def _check_filters(self, kind: str, name: str, **filters: Filter | None) -> None:
        """Raises Invalid if the objects of the collection cannot be selected by ``filters`` and compared."""
        with _refusing("invalid classification"):
            config = self._collections.get(name)
            vector_of(config)
            if kind == CONTEXTUAL:
                check_vectors(config, self._registry)
            with self._collections.use(self._collections.open(name), None) as part:
                view = part.view()
        for key, filter in filters.items():
            if filter is not None:
                with _refusing(f"invalid {key}"):
                    view.select(filter, resolver(self._collections, view.config, None))


def _targets(config: CollectionConfig, property: str) -> Sequence[str]:
    return config.by_name[property].target_collections


@contextmanager
def _refusing(what: str) -> Iterator[None]:
    try:
        yield
    except CallerError as error:
        raise Invalid(f"{what}: {error.message}") from None
