"""The verbs on re-embeddings: begin one, watch it, let searches use what it has made, and go back.

A vector of a collection has one re-embedding at a time. Another revision of the vector is a vector of its own, which
engines keep under a name that no user can give: it is filled in the background (``jobs.filling``), imports meanwhile
make both, and to cut over is one change of the catalog. A vector of which nothing changes is filled in the same way.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from functools import partial

from weft.access.permissions import READ
from weft.access.requirement import requires
from weft.domain.caller import Caller
from weft.domain.errors import Conflict, Invalid
from weft.domain.schema import CollectionConfig, VectorConfig
from weft.jobs.job import Job
from weft.jobs.runner import JobRunner
from weft.modules.registry import Registry
from weft.service.permissions import collections as permit
from weft.service.reembedding import estimate as estimates
from weft.service.reembedding.comparison import RevisionComparison, compare
from weft.service.reembedding.estimate import Estimate
from weft.service.reembedding.expiry import RevisionExpiry
from weft.service.reembedding.fillers import Fillers
from weft.service.reembedding.places import VectorPlace, VectorPlaces
from weft.service.reembedding.planning import RevisionPlanner
from weft.service.reembedding.request import ReembeddingState, WantedVector
from weft.service.reembedding.throttle import Throttle
from weft.service.schema import revisions
from weft.service.schema.revisions import Revision, RevisionState
from weft.service.schemas import Schemas


class Reembeddings:
    """``busy`` returns how many requests are being answered: work in the background waits for them."""

    def __init__(self, schemas: Schemas, registry: Registry, runner: JobRunner, busy: Callable[[], int]) -> None:
        self._schemas = schemas
        self._registry = registry
        self._runner = runner
        self._places = VectorPlaces(schemas, runner)
        self._planner = RevisionPlanner(schemas, registry, self._places)
        self._fillers = Fillers(schemas, registry, runner, self._places, Throttle(busy))
        self._expiry = RevisionExpiry(self._drop_expired)
        if any(
            one.known.other is not None and one.known.other.state is RevisionState.PREVIOUS
            for one in self._places.all()
        ):
            self._expiry.start()

    def close(self) -> None:
        self._expiry.stop()

    # -- watching

    @requires(redact=permit.readable_reembeddings)
    def list(self) -> Sequence[ReembeddingState]:
        """Of all vectors that have another revision, or a job."""
        return [self._state(one) for one in self._places.all()]

    @requires(permit.collection(READ))
    def get(self, name: str, vector: str) -> ReembeddingState:
        """Raises NotFound."""
        return self._state(self._places.find(name, vector))

    # -- making

    @requires(permit.reembedding)
    def estimate(self, name: str, vector: str, wanted: WantedVector, caller: Caller) -> Estimate:
        """What ``start`` would take; embeds a few objects. Raises as it does."""
        place = self._places.find(name, vector, new=True)
        return self._estimated(place, *self._planner.target(place, wanted), caller)

    @requires(permit.reembedding)
    def start(self, name: str, vector: str, wanted: WantedVector, caller: Caller) -> tuple[ReembeddingState, Estimate]:
        """Begin, or begin again where an earlier run has failed: what it has made is kept.

        Raises NotFound, Conflict while there is another, Invalid for what is not possible, StorageFull, ReadOnly.
        """
        place = self._places.find(name, vector, new=True)
        config, target = self._planner.target(place, wanted)
        estimate = self._estimated(place, config, target, caller)
        estimates.check_disk(self._schemas.headroom, estimate)
        with self._schemas.turn:
            self._schemas.headroom.check_room()
            place = self._places.find(name, vector, new=True)
            self._planner.check_free(place, wanted)
            if not wanted.is_as_it_is:
                self._planner.extend(place, config, target)
            place = self._places.find(name, vector)
            other = place.known.other
            stored = place.known.serving if other is None else other.name
            self._fillers.submit(place, stored, caller)
        return self._state(place), estimate

    @requires(permit.reembedding)
    def pause(self, name: str, vector: str) -> ReembeddingState:
        """Raises NotFound, Conflict when it is too late."""
        place = self._places.find(name, vector)
        self._runner.pause(self._active(place).record.id)
        return self._state(place)

    @requires(permit.reembedding)
    def resume(self, name: str, vector: str) -> ReembeddingState:
        """Raises NotFound, Conflict unless it is paused, Overloaded."""
        place = self._places.find(name, vector)
        self._runner.resume(self._active(place).record.id)
        return self._state(place)

    @requires(permit.reembedding)
    def cancel(self, name: str, vector: str) -> ReembeddingState:
        """Remove what was made, as long as searches do not use it. Raises NotFound, Conflict."""
        place = self._places.find(name, vector)
        job = self._places.job(place)
        if job is not None and not job.ended:
            self._runner.cancel(job.record.id)
        elif place.known.other is None:
            raise Conflict(f"nothing is being made for {place.title}, so there is nothing to cancel")
        elif place.known.other.state is RevisionState.PREVIOUS:
            raise Conflict(
                f"searches use the new revision of {place.title} already; roll back first, or drop the previous one"
            )
        else:
            self._places.remove(place, place.known.other.name)
        return self._state(self._places.find(name, vector))

    # -- changing what searches use

    @requires(permit.reembedding)
    def cut_over(self, name: str, vector: str, kept_s: float, *, incomplete: bool) -> ReembeddingState:
        """Searches use the new revision from now on; those that run end with what they began.

        The previous one is kept, and gets what is written, for ``kept_s`` seconds. ``incomplete``: also where objects
        lack the new vector. Raises NotFound, Conflict.
        """
        if kept_s < 0:
            raise Invalid(f"the previous revision is kept for at least 0 seconds, not {kept_s:g}")
        with self._schemas.turn:
            place = self._places.find(name, vector)
            other = self._other(place, RevisionState.CANDIDATE, "start one first")
            job = self._places.job(place)
            if job is not None and not job.ended:
                raise Conflict(
                    f"the new revision of {place.title} is still being made ({job.status}); wait for its end"
                )
            if not incomplete:
                self._check_complete(place, other)
            until_s = time.time() + kept_s
            self._places.edit(
                place, lambda document: revisions.serve(document, vector, other.name, RevisionState.PREVIOUS, until_s)
            )
        self._expiry.start()
        return self._state(self._places.find(name, vector))

    @requires(permit.reembedding)
    def roll_back(self, name: str, vector: str) -> ReembeddingState:
        """Searches use the previous revision again, at once; the other one is kept as a candidate. Raises NotFound,
        Conflict."""
        with self._schemas.turn:
            place = self._places.find(name, vector)
            other = self._other(place, RevisionState.PREVIOUS, "there is nothing to roll back to")
            self._places.edit(
                place, lambda document: revisions.serve(document, vector, other.name, RevisionState.CANDIDATE, 0.0)
            )
        return self._state(self._places.find(name, vector))

    @requires(permit.reembedding)
    def drop(self, name: str, vector: str) -> ReembeddingState:
        """Remove the previous revision now: there is no way back then. Raises NotFound, Conflict."""
        place = self._places.find(name, vector)
        self._places.remove(place, self._other(place, RevisionState.PREVIOUS, "there is nothing to drop").name)
        return self._state(self._places.find(name, vector))

    @requires(permit.comparing_revisions)
    def compare(
        self, name: str, tenant: str | None, vector: str, queries: Sequence[str], limit: int, caller: Caller
    ) -> RevisionComparison:
        """What searches find by the one that they use, and by the other revision. Raises Conflict, Invalid."""
        place = self._places.find(name, vector)
        other = place.known.other
        if other is None:
            raise Conflict(f"{place.title} has no other revision to compare with; start a re-embedding first")
        with place.collection.use(tenant) as part:
            both = (place.config.vectors[vector], place.config.revisions[other.name])
            return compare(self._registry, part, both, queries, limit, caller)

    # -- inside

    def _drop_expired(self, now_s: float) -> bool:
        """Whether any that will expire are left."""
        left = False
        for place in self._places.all():
            other = place.known.other
            if other is not None and other.state is RevisionState.PREVIOUS:
                if other.until_s > now_s:
                    left = True
                else:
                    self._places.remove(place, other.name)
        return left

    def _estimated(
        self, place: VectorPlace, config: CollectionConfig, target: VectorConfig, caller: Caller
    ) -> Estimate:
        collection = place.collection
        shard, found = estimates.sample_of(collection)
        maker = self._fillers.maker(collection, lambda: target, config, caller)
        trial = estimates.tried(found, partial(maker.trial, shard))
        is_new = collection.config.stored.get(target.name) != target
        lacking = None if is_new else place.lacking(target.name)
        return estimates.estimated(target, trial, place.objects if lacking is None else lacking)

    def _other(self, place: VectorPlace, state: RevisionState, otherwise: str) -> Revision:
        other = place.known.other
        if other is None or other.state is not state:
            what = "previous" if state is RevisionState.PREVIOUS else "new"
            raise Conflict(f"{place.title} has no {what} revision; {otherwise}")
        return other

    def _check_complete(self, place: VectorPlace, other: Revision) -> None:
        """Raises Conflict where objects that have the vector lack the new one."""
        collection, known = place.collection, place.known
        inactive = len(collection.tenants()) - len(collection.active()) if place.config.tenancy.enabled else 0
        lacking, before = place.lacking(other.name), place.lacking(known.serving)
        missing = max(0, lacking - before) if lacking is not None and before is not None else 0
        if missing or inactive:
            what = f"{missing} objects" if missing else f"the objects of {inactive} inactive tenants"
            raise Conflict(
                f"{what} have no vector of the new revision of {place.title}, and searches would not find them; its "
                "report says why. Start it again to make what is missing, or cut over with incomplete",
                missing=missing,
                inactive=inactive,
            )

    def _active(self, place: VectorPlace) -> Job:
        job = self._places.job(place)
        if job is None or job.ended:
            raise Conflict(f"nothing is being made for {place.title}")
        return job

    def _state(self, place: VectorPlace) -> ReembeddingState:
        place = self._places.find(place.config.name, place.vector)
        other = place.known.other
        return ReembeddingState(
            place.config.name,
            place.vector,
            revisions.entry_of(place.config.document, place.vector),
            other,
            place.objects,
            place.lacking(place.known.serving),
            None if other is None else place.lacking(other.name),
            self._places.record(place),
        )
