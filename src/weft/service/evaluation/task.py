"""The run of an evaluation: its queries, answered as each variant searches, one variant after the other.

The hits of a variant are on disk before the cursor covers it, so a run that continues after a pause or a restart begins
with the next one. After a restart there is no caller any more: providers get the keys of the server.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from weft.domain.caller import Caller
from weft.domain.errors import WeftError
from weft.domain.jobs import JobStatus
from weft.domain.objects import parse_uuid
from weft.domain.schema import CollectionConfig
from weft.engine.part import Part
from weft.engine.view import View
from weft.evaluation.variant import SearchBy, Variant
from weft.jobs.job import Job, JobKind
from weft.modules.inputs import embedded_properties, is_multimodal
from weft.modules.registry import Registry
from weft.service.collections import Collections
from weft.service.evaluation.making import made_queries
from weft.service.evaluation.outcome import summary_of
from weft.service.evaluation.request import EvaluationPlan, JudgedQuery, Making
from weft.service.evaluation.sample import SampleCollection, remove_sample, sampled
from weft.service.evaluation.searching import Searched, VariantSearch
from weft.service.evaluation.store import EvaluationStore, VariantOutcome
from weft.service.search.searcher import Searcher
from weft.service.settings import ServiceSettings

EVALUATION: Final = JobKind("evaluation", "steps", resumable=True)
"""The key of such a job is the id of the evaluation. A step is a query that is answered or an object that is copied."""

_MEASURED: Final = 200
"""Of how many objects the sizes of vectors are taken."""


@dataclass(frozen=True, slots=True)
class EvaluationTools:
    """What a task works with."""

    collections: Collections
    searcher: Searcher
    registry: Registry
    settings: ServiceSettings
    store: EvaluationStore


@dataclass(slots=True)
class EvaluationProgress:
    """The job's cursor: how many variants are done, and their summary at the end."""

    variants: int = 0
    summary: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, cursor: Any) -> EvaluationProgress:
        return cls() if cursor is None else cls(cursor["variants"], cursor["summary"])

    def to_json(self) -> dict[str, Any]:
        return {"variants": self.variants, "summary": self.summary}


class EvaluationTask:
    """A ``JobTask``. What it has found stays when it is cancelled, until it is deleted."""

    def __init__(self, tools: EvaluationTools, id: str, plan: EvaluationPlan, caller: Caller) -> None:
        self._tools = tools
        self._id = id
        self._plan = plan
        self._caller = caller

    def run(self, job: Job) -> None:
        progress = EvaluationProgress.of(job.cursor)
        collections = self._tools.collections
        collection = collections.open(self._plan.collection)
        with collections.use(collection, self._plan.tenant) as part:
            queries = self._queries(part.view())
            if self._plan.needs_sample:
                self._on_sample(job, progress, queries, collection.config, part)
            else:
                self._on_collection(job, progress, queries, collection.config, part)

    def undo(self, status: JobStatus, error: str) -> None:
        """Hits that are stored stay."""

    def clear(self) -> None:
        remove_sample(self._folder)

    @property
    def _folder(self) -> Path:
        return self._tools.store.sample_folder(self._id)

    def _queries(self, view: View) -> list[JudgedQuery]:
        """As given, or as made by the first run."""
        queries = self._tools.store.queries(self._id)
        if not queries and self._plan.made is not None:
            queries = made_queries(view, self._plan.made)
            self._tools.store.put_queries(self._id, queries)
        return queries

    # -- where they are searched

    def _on_collection(
        self, job: Job, progress: EvaluationProgress, queries: list[JudgedQuery], config: CollectionConfig, part: Part
    ) -> None:
        where = Searched(
            self._tools.searcher,
            self._tools.collections,
            self._plan.collection,
            self._plan.tenant,
            lambda variant: variant.vector.name if variant.vector is not None else "",
            self._keyword_properties(config),
        )
        facts = self._tools.collections.open(self._plan.collection).facts(self._plan.tenant)
        memory = facts[0].memory if facts else {}
        self._search(job, progress, queries, where, len(queries) * len(self._plan.variants))
        view = part.view()
        sizes = self._sizes(view, memory, where.vector_name)
        self._finish(job, progress, queries, sizes, part.count, self._notes(config, view, queries))

    def _on_sample(
        self, job: Job, progress: EvaluationProgress, queries: list[JudgedQuery], config: CollectionConfig, part: Part
    ) -> None:
        view = part.view()
        uuids = sampled(view, queries, self._plan.sample)
        steps = len(uuids) + len(queries) * len(self._plan.variants)
        job.done, job.total = 0, steps
        sample = SampleCollection(self._folder, self._tools.settings, self._tools.registry, config, self._plan)

        def go_on(done: int) -> None:
            job.advance(done)
            job.check()

        try:
            reasons = sample.fill(view, part, uuids, self._caller, go_on)
            notes = self._notes(config, view, queries)
            if len(uuids) < part.count:
                notes.append(f"searched on a copy of {len(uuids):,} of {part.count:,} objects")
            notes += [f"objects without a vector: {reason}" for reason in reasons[:3]]
            where = sample.searched(self._keyword_properties(config))
            self._search(job, progress, queries, where, steps, done=len(uuids))
            sizes = self._sizes(sample.view(), sample.memory(), where.vector_name)
            self._finish(job, progress, queries, sizes, sample.objects, notes)
        finally:
            sample.close()

    def _keyword_properties(self, config: CollectionConfig) -> tuple[str, ...]:
        """A known item is not found by the very text that it is known by, where there is another."""
        made = self._plan.made
        if made is None or made.making is not Making.KNOWN_ITEM:
            return ()
        return tuple(one.name for one in config.properties if one.index_searchable and one.name != made.property)

    # -- the searches

    def _search(
        self,
        job: Job,
        progress: EvaluationProgress,
        queries: Sequence[JudgedQuery],
        where: Searched,
        steps: int,
        *,
        done: int = 0,
    ) -> None:
        job.done, job.total = done + progress.variants * len(queries), steps
        plan = self._plan
        search = VariantSearch(where, self._tools.registry, self._caller, plan.depth, plan.rerank_property)

        def go_on() -> None:
            job.advance(1)
            job.check()

        for place in range(progress.variants, len(plan.variants)):
            job.check()
            try:
                outcome = VariantOutcome(search.run(plan.variants[place], queries, go_on))
            except WeftError as error:
                outcome = VariantOutcome(error=error.message)
            self._tools.store.put_outcome(self._id, place, outcome)
            progress.variants = place + 1
            job.save(progress.to_json())

    def _finish(
        self,
        job: Job,
        progress: EvaluationProgress,
        queries: Sequence[JudgedQuery],
        sizes: dict[str, float],
        searched: int,
        notes: list[str],
    ) -> None:
        outcomes = [self._tools.store.outcome(self._id, place) for place in range(len(self._plan.variants))]
        progress.summary = summary_of(self._plan, queries, outcomes, sizes, searched, notes)
        job.begin_finishing()
        job.save(progress.to_json())

    # -- what else is reported

    def _notes(self, config: CollectionConfig, view: View, queries: Sequence[JudgedQuery]) -> list[str]:
        """What a reader of the figures has to know."""
        relevant = sorted({uuid for query in queries for uuid, grade in query.relevant.items() if grade > 0})
        lacking = sum(one is None for one in view.find([parse_uuid(uuid) for uuid in relevant]))
        notes = []
        if lacking:
            notes.append(
                f"{lacking:,} of {len(relevant):,} relevant objects are not in the collection: counted as missed"
            )
        made = self._plan.made
        if made is not None and made.making is Making.KNOWN_ITEM:
            names = {one.vector.name for one in self._plan.variants if one.vector is not None}
            favoured = [name for name in config.vectors if name in names and _embeds(config, name, made.property)]
            if favoured:
                notes.append(f"{', '.join(favoured)}: made of {made.property!r} itself, too, which favours them")
            if not self._keyword_properties(config) and any(
                one.by is not SearchBy.VECTOR for one in self._plan.variants
            ):
                notes.append(f"{made.property!r} is the only text, so keywords find it by itself")
        return notes

    def _sizes(self, view: View, memory: Any, vector_name: Callable[[Variant], str]) -> dict[str, float]:
        """Bytes an object by variant: of the vector as stored, and of the index in memory."""
        doc_ids = view.page(None, _MEASURED).tolist()
        count = max(1, len(view.page(None, 2**31 - 1)))
        words = memory.get("index/inverted", 0) / count
        known: dict[str, float] = {"": 0.0}
        found = {}
        for variant in self._plan.variants:
            name = vector_name(variant) if variant.vector is not None else ""
            if name not in known:
                own = view.config.vectors[name].name
                vectors = [one.nbytes for one in view.vectors(own, doc_ids) if one is not None]
                index = sum(size for part, size in memory.items() if part.startswith(f"index/{own}/"))
                known[name] = (sum(vectors) / len(vectors) if vectors else 0.0) + index / count
            found[variant.name] = known[name] + (words if variant.by is not SearchBy.VECTOR else 0.0)
        return found


def _embeds(config: CollectionConfig, name: str, property: str) -> bool:
    """Whether the vector ``name`` is made of the text ``property``, too."""
    vector = config.vectors[name]
    if vector.vectorizer == "none":
        return False
    if is_multimodal(vector):
        return property in (vector.settings.get("textFields") or ())
    return property in {one.name for one in embedded_properties(config, vector)}
