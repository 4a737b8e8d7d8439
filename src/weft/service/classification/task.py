"""The run of a classification: what has no label yet gets one, in order of uuid, some objects at a time.

It sees the collection as it was when it began, or when it was continued: what it labels itself trains nothing, not even
after a restart. Before a pause or a stop the labels of some objects may be stored without being in the cursor; they are
recognised by their classification's id and counted when the cursor passes them.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from typing import TypeVar

from weft.domain.classification import Classified
from weft.domain.clock import now_ms
from weft.domain.errors import CallerError, Invalid, NotFound
from weft.domain.filters import ID, And, Condition, Filter, Operator, Or, PropertyTarget, ReferenceCount
from weft.domain.jobs import JobStatus
from weft.domain.json_values import JsonObject
from weft.domain.objects import Object, Reference, format_uuid
from weft.engine.changes import Edit
from weft.engine.part import Part
from weft.engine.view import View
from weft.jobs.job import Job, JobKind, now
from weft.modules.registry import Registry
from weft.service.classification.checks import lexicon_of, vector_of
from weft.service.classification.contextual import ContextualLabels, Rarity
from weft.service.classification.knn import KnnLabels
from weft.service.classification.labels import Candidates, Labels
from weft.service.classification.request import KNN, ZERO_SHOT, NewClassification
from weft.service.classification.settings import number_of
from weft.service.classification.zero_shot import ZeroShotLabels
from weft.service.collections import Collections
from weft.service.filtering import resolver
from weft.service.stored_objects import is_visible

CLASSIFICATION = JobKind("classification", "objects", resumable=True)
"""The key of such a job is the id of the classification."""

_OBJECTS_PER_WRITE = 100
_OBJECTS_PER_READ = 1000
_MOST_ERRORS = 10

T = TypeVar("T")


@dataclass(slots=True)
class Progress:
    """The job's cursor: the last uuid whose label is stored, in hex, how many objects have been labelled, and the first
    errors of those that could not be."""

    after: str = ""
    succeeded: int = 0
    failed: int = 0
    errors: list[str] = field(default_factory=list)

    @classmethod
    def of(cls, cursor: JsonObject | None) -> Progress:
        found = cursor or {}
        errors = found.get("errors")
        return cls(
            str(found.get("after", "")),
            _count(found.get("succeeded")),
            _count(found.get("failed")),
            [str(one) for one in errors] if isinstance(errors, list) else [],
        )

    def add_error(self, message: str) -> None:
        self.failed += 1
        if len(self.errors) < _MOST_ERRORS and message not in self.errors:
            self.errors.append(message)


class ClassificationTask:
    """A ``JobTask``. What it has labelled stays when it fails or is cancelled."""

    def __init__(self, collections: Collections, registry: Registry, asked: NewClassification) -> None:
        self._collections = collections
        self._registry = registry
        self._asked = asked
        self.ended = threading.Event()
        """Set when the job's end is in the ledger."""

    def run(self, job: Job) -> None:
        with ExitStack() as leases:
            part = self._leased(leases, self._asked.collection)
            view = part.view()
            progress = Progress.of(job.cursor)
            own = self._own(view, job) if job.cursor is not None else {}
            labelled = {uuid for uuid in own.values() if uuid.hex() > progress.after}
            waiting = [one for one in self._unlabelled(view) if one.hex() > progress.after]
            left = sorted([*labelled, *waiting])
            job.done = progress.succeeded + progress.failed
            job.total = job.done + len(left)
            if not job.total:
                raise Invalid("no classes to be classified - did you run a previous classification already?")
            job.save(asdict(progress))
            labels = self._labels(leases, view, own, waiting)
            for uuids in _chunks(left, _OBJECTS_PER_WRITE):
                job.check()
                progress.succeeded += len(labelled.intersection(uuids))
                unlabelled = [one for one in uuids if one not in labelled]
                self._label(part, view, labels, job.key, unlabelled, progress)
                progress.after = uuids[-1].hex()
                job.advance(len(uuids))
                job.save(asdict(progress))
            job.begin_finishing()
            if progress.failed:
                raise Invalid(", ".join(progress.errors))

    def undo(self, status: JobStatus, error: str) -> None:
        """Labels that are stored stay."""

    def clear(self) -> None:
        self.ended.set()

    # -- which objects

    def _leased(self, leases: ExitStack, name: str) -> Part:
        return leases.enter_context(self._collections.use(self._collections.open(name), None))

    def _unlabelled(self, view: View) -> list[bytes]:
        """The objects without any of the labels, in order of uuid."""
        none = tuple(_references(name, Operator.EQUAL) for name in self._asked.properties)
        found = view.select(_all(self._asked.source, none), resolver(self._collections, view.config, None))
        return sorted(view.uuids(found.first().tolist()))

    def _own(self, view: View, job: Job) -> Mapping[int, bytes]:
        """The objects that this classification has labelled already: doc_id and uuid."""
        some = tuple(_references(name, Operator.GREATER_THAN) for name in self._asked.properties)
        found: dict[int, bytes] = {}
        for doc_ids in _chunks(view.select(Or(some)).first().tolist(), _OBJECTS_PER_READ):
            job.check()
            for doc_id, record in zip(doc_ids, view.records(doc_ids), strict=True):
                classified = record.classified
                if classified is not None and classified.id == job.key:
                    found[doc_id] = record.uuid
        return found

    # -- their labels

    def _labels(self, leases: ExitStack, view: View, own: Mapping[int, bytes], waiting: Sequence[bytes]) -> Labels:
        asked = self._asked
        if asked.kind == KNN:
            learnt_from = [_references(name, Operator.GREATER_THAN) for name in asked.properties]
            if own:
                ids = tuple(format_uuid(uuid) for uuid in own.values())
                learnt_from.append(Condition(Operator.CONTAINS_NONE, PropertyTarget(ID), ids))
            within = view.select(_all(asked.training, learnt_from), resolver(self._collections, view.config, None))
            training = Candidates(view, vector_of(view.config).name, within)
            return KnnLabels(training, asked.properties, max(1, min(number_of(asked.settings, "k"), len(within))))
        targets = {name: list(self._targets(leases, view, name)) for name in asked.properties}
        if asked.kind == ZERO_SHOT:
            return ZeroShotLabels(targets)
        doc_ids = [*own, *(one for one in view.find(waiting) if one is not None)]
        only = {name: candidates for name, (candidates,) in targets.items()}
        return ContextualLabels(lexicon_of(self._registry), Rarity(self._texts(view, doc_ids)), only, asked.settings)

    def _texts(self, view: View, doc_ids: Sequence[int]) -> Iterator[str]:
        (based_on,) = self._asked.based_on
        for chunk in _chunks(doc_ids, _OBJECTS_PER_READ):
            for record in view.records(chunk):
                yield record.properties.get(based_on) or ""

    def _targets(self, leases: ExitStack, view: View, property: str) -> Iterator[Candidates]:
        for name in view.config.by_name[property].target_collections:
            target = self._leased(leases, name).view()
            asked = self._asked.target
            within = None if asked is None else target.select(asked, resolver(self._collections, target.config, None))
            yield Candidates(target, vector_of(target.config).name, within)

    def _label(
        self, part: Part, view: View, labels: Labels, id: str, uuids: Sequence[bytes], progress: Progress
    ) -> None:
        doc_ids = [one for one in view.find(uuids) if one is not None]
        vectors = view.vectors(vector_of(view.config).name, doc_ids)
        (based_on,) = self._asked.based_on
        edits: dict[bytes, Edit] = {}
        for record, vector in zip(view.records(doc_ids), vectors, strict=True):
            try:
                found = labels.of(vector, record.properties.get(based_on))
            except CallerError as error:
                progress.add_error(f"classify {view.config.name}/{format_uuid(record.uuid)}: {error.message}")
            else:
                edits[record.uuid] = self._edit(id, found)
        edits = {uuid: edit for uuid, edit in edits.items() if is_visible(part, uuid)}  # the others may have expired
        failed = part.edit(edits)
        for uuid in edits:
            refusal = failed.get(uuid)
            if refusal is None:
                progress.succeeded += 1
            elif not isinstance(refusal, NotFound):  # an object that was deleted meanwhile needs no label
                progress.add_error(f"store {view.config.name}/{format_uuid(uuid)}: {refusal.message}")

    def _edit(self, id: str, labels: Mapping[str, Reference]) -> Edit:
        def edit(obj: Object) -> Object | None:
            """A label that the object has got otherwise meanwhile stays; the object itself does if it has got all."""
            new = {name: [label] for name, label in labels.items() if not obj.properties.get(name)}
            if labels and not new:
                return None
            obj.properties.update(new)
            obj.classified = Classified(id, self._asked.based_on, self._asked.properties, tuple(new), now())
            obj.updated_ms = now_ms()
            return obj

        return edit


def _references(property: str, operator: Operator) -> Condition:
    """``operator`` on the number of references, and 0."""
    return Condition(operator, ReferenceCount(property), 0)


def _all(filter: Filter | None, conditions: Iterable[Condition]) -> Filter:
    operands = (*(() if filter is None else (filter,)), *conditions)
    return operands[0] if len(operands) == 1 else And(operands)


def _chunks(items: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    return (items[start : start + size] for start in range(0, len(items), size))


def _count(value: object) -> int:
    return value if isinstance(value, int) else 0
