"""The verbs on evaluations: begin one, watch, compare, cancel and delete them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from weft.access.requirement import requires
from weft.domain.caller import Caller
from weft.domain.errors import Conflict, Invalid, NotFound
from weft.domain.jobs import JobRecord
from weft.domain.query import Keyword
from weft.engine.database import Database
from weft.evaluation.comparison import Comparison
from weft.evaluation.measures import Measure, Scores
from weft.jobs.job import Job
from weft.jobs.runner import JobRunner
from weft.modules.registry import Registry
from weft.service.collections import Collections
from weft.service.evaluation.grid import check_queries, plan_of
from weft.service.evaluation.outcome import compared
from weft.service.evaluation.request import (
    MOST_JUDGED,
    MOST_MEASURES,
    MOST_NAME_CHARS,
    MOST_QUERIES,
    MOST_SAMPLED,
    EvaluationPlan,
    JudgedQuery,
    NewEvaluation,
    unknown_evaluation,
)
from weft.service.evaluation.store import EvaluationStore, VariantOutcome
from weft.service.evaluation.task import EVALUATION, EvaluationProgress, EvaluationTask, EvaluationTools
from weft.service.permissions.evaluations import (
    comparing_evaluations,
    evaluating,
    readable_evaluations,
    using_evaluation,
)
from weft.service.query_limits import QueryLimits
from weft.service.search.searcher import Searcher
from weft.service.settings import ServiceSettings


@dataclass(frozen=True, slots=True)
class EvaluationState:
    """``summary``: as the protocol has it; empty until the end."""

    record: JobRecord
    plan: EvaluationPlan

    @property
    def summary(self) -> dict[str, Any]:
        return EvaluationProgress.of(self.record.cursor).summary

    @property
    def collection(self) -> str:
        return self.plan.collection

    @property
    def tenant(self) -> str | None:
        return self.plan.tenant


@dataclass(frozen=True, slots=True)
class ComparisonQuestion:
    """The ``variant`` of the evaluation ``id`` beside the variant ``other``, of the evaluation ``other_id`` if that is
    not empty. Of several servers the one that ran them answers. ``measure`` None: the evaluation's first."""

    id: str
    variant: str
    other: str
    other_id: str = ""
    measure: Measure | None = None


@dataclass(frozen=True, slots=True)
class AnsweredComparison:
    """``queries``: those that both have; the others are in their order: ``scores`` and ``other_scores (Q,)``, and the
    hits of each query by the one and by the other."""

    measure: Measure
    queries: Sequence[JudgedQuery]
    comparison: Comparison
    scores: Scores
    other_scores: Scores
    rankings: Sequence[tuple[Sequence[str], Sequence[str]]]


class Evaluations:
    """One runs at a time; others wait for their turn. They continue after a restart."""

    def __init__(
        self,
        collections: Collections,
        searcher: Searcher,
        registry: Registry,
        settings: ServiceSettings,
        database: Database,
        runner: JobRunner,
        limits: QueryLimits,
    ) -> None:
        self._collections = collections
        self._registry = registry
        self._runner = runner
        self._limits = limits
        self._store = EvaluationStore(database.folder)
        self._tools = EvaluationTools(collections, searcher, registry, settings, self._store)
        runner.add(EVALUATION, self._reopen)

    @requires(evaluating)
    def begin(self, asked: NewEvaluation, caller: Caller) -> EvaluationState:
        """Raises Invalid for one that is not possible, Overloaded, StorageFull."""
        self._check_size(asked)
        check_queries(asked.queries)
        config = self._collections.get(asked.collection)
        plan = plan_of(config, self._registry, asked)
        if plan.needs_sample:
            self._collections.check_room()
        with self._collections.use(self._collections.open(config.name), plan.tenant):
            pass  # raises where the tenant is missing, or not there
        id = str(uuid4())
        self._sweep()
        self._store.put_queries(id, asked.queries)
        job = Job(EVALUATION, id, asked.name or config.name, (config.name,), plan.to_json())
        try:
            self._runner.submit(job, EvaluationTask(self._tools, id, plan, caller))
        except BaseException:
            self._store.remove(id)
            raise
        return EvaluationState(job.record, plan)

    @requires(redact=readable_evaluations)
    def all(self) -> list[EvaluationState]:
        """Running and ended ones, the latest first; old ones are forgotten."""
        return [self._state(one) for one in self._runner.records() if one.kind == EVALUATION.name]

    @requires(using_evaluation)
    def get(self, id: str) -> EvaluationState:
        """Raises NotFound."""
        return self._state(self._record(id))

    @requires(using_evaluation)
    def delete(self, id: str) -> None:
        """One that runs is cancelled, and stays until it is deleted again. Raises NotFound, Conflict."""
        record = self._record(id)
        if not record.status.ended:
            self._runner.cancel(record.id)
            return
        self._runner.forget(EVALUATION, record.key)
        self._store.remove(record.key)

    @requires(comparing_evaluations)
    def compare(self, asked: ComparisonQuestion) -> AnsweredComparison:
        """Raises NotFound, Conflict for a variant that is not done yet, Invalid for one that failed."""
        record, other = self._record(asked.id), self._record(asked.other_id or asked.id)
        measure = asked.measure or EvaluationPlan.of_json(record.request).measures[0]
        queries, comparison, scores, other_scores, rankings = compared(
            measure, self._outcome(record, asked.variant), self._outcome(other, asked.other)
        )
        return AnsweredComparison(measure, queries, comparison, scores, other_scores, rankings)

    def place(self, id: str) -> tuple[str, str | None] | None:
        """The collection and the tenant that an evaluation is about, for authorization; None if there is none."""
        record = self._runner.record(EVALUATION, id.lower())
        if record is None:
            return None
        plan = EvaluationPlan.of_json(record.request)
        return plan.collection, plan.tenant

    def _outcome(self, record: JobRecord, name: str) -> tuple[list[JudgedQuery], VariantOutcome]:
        """The queries, and what the variant of that name found."""
        plan = EvaluationPlan.of_json(record.request)
        names = [one.name for one in plan.variants]
        if name not in names:
            raise NotFound(f"evaluation {record.key} has no way to search {name[:80]!r}; it has {', '.join(names)}")
        place = names.index(name)
        if place >= EvaluationProgress.of(record.cursor).variants:
            raise Conflict(f"evaluation {record.key} has not searched as {name!r} yet; it is {record.status}")
        outcome = self._store.outcome(record.key, place)
        if outcome.error:
            raise Invalid(f"{name!r} could not be searched: {outcome.error}")
        return self._store.queries(record.key), outcome

    def _reopen(self, job: Job) -> EvaluationTask:
        plan = EvaluationPlan.of_json(job.request)
        self._collections.open(plan.collection)
        return EvaluationTask(self._tools, job.key, plan, Caller())

    def _record(self, id: str) -> JobRecord:
        record = self._runner.record(EVALUATION, id.lower())
        if record is None:
            raise unknown_evaluation(id)
        return record

    @staticmethod
    def _state(record: JobRecord) -> EvaluationState:
        return EvaluationState(record, EvaluationPlan.of_json(record.request))

    def _sweep(self) -> None:
        """Removes the files of evaluations that are forgotten."""
        self._store.sweep({one.key for one in self._runner.records() if one.kind == EVALUATION.name})

    def _check_size(self, asked: NewEvaluation) -> None:
        judged = sum(len(one.relevant) for one in asked.queries)
        if bool(asked.queries) == (asked.made is not None):
            raise Invalid("give queries, or let them be made of the data by knownItem or captions: one of both")
        count = asked.made.count if asked.made is not None else len(asked.queries)
        for name, number, most in (
            ("queries", count, MOST_QUERIES),
            ("judged objects", judged, MOST_JUDGED),
            ("sampled objects", asked.sample, MOST_SAMPLED),
        ):
            if number > most:
                raise Invalid(f"{number:,} {name} are more than the {most:,} of one evaluation")
        if count < 1 or asked.sample < 1:
            raise Invalid("the numbers of queries and of sampled objects must be at least 1")
        if not asked.measures:
            raise Invalid("name a measure at least, as nDCG@10")
        if len(asked.measures) > MOST_MEASURES or len(asked.name) > MOST_NAME_CHARS:
            raise Invalid(
                f"an evaluation has {MOST_MEASURES} measures and {MOST_NAME_CHARS} characters of name at most"
            )
        for query in asked.queries:
            self._limits.check_search(Keyword(query.text))
            if query.vector is not None:
                self._limits.check_vectors([query.vector])
