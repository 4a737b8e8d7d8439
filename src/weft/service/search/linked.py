"""Linker: adds to hits the objects that their references point to, as deep as a query requests.

Level by level, each target is read once however many hits point to it, and becomes one ``Hit`` that they share. A
reference to an object that does not exist (any more) is left out; an absent property has no entry.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from contextlib import ExitStack

from weft.domain.answer import Hit
from weft.domain.errors import CallerError, Invalid, NotFound
from weft.domain.names import unknown_property
from weft.domain.objects import Reference
from weft.domain.query import ReferenceSelection, Returns
from weft.domain.schema import CollectionConfig, DataType
from weft.engine.collection import ServedCollection
from weft.engine.view import View, find_records
from weft.service.collections import Collections
from weft.service.search.filling import check_returned, fill_vectors

MAX_DEPTH = 5
"""The most references in a row that a query may follow."""

MOST_LINKED = 1_000_000
"""The most referenced objects in one answer, each counted as often as it appears."""


class Linker:
    def __init__(self, collections: Collections) -> None:
        self._collections = collections

    def check(self, config: CollectionConfig, selections: Sequence[ReferenceSelection], depth: int = 1) -> None:
        """Raises Invalid for selections that objects of ``config`` cannot fulfil, at any depth."""
        if selections and depth > MAX_DEPTH:
            raise Invalid(f"nested references are deeper than {MAX_DEPTH} levels; request the deeper ones separately")
        for selection in selections:
            target = self._collection(_target(config, selection))
            if target is not None:
                check_returned(target.config, selection.returns)
                self.check(target.config, selection.returns.references, depth + 1)

    def fill(self, hits: Sequence[Hit], selections: Sequence[ReferenceSelection], tenant: str | None) -> None:
        """Set the references of ``hits`` according to the validated selections; ``tenant`` is the query's."""
        if not selections or not hits:
            return
        sizes: dict[int, int] = {}
        self._fill(hits, selections, tenant, sizes)
        count = sum(sizes[id(hit)] - 1 for hit in hits)
        if count > MOST_LINKED:
            raise Invalid(
                f"the answer would contain {count} referenced objects, more than {MOST_LINKED}; "
                "request fewer objects or fewer levels of references",
                count=count,
            )

    def _fill(
        self, hits: Sequence[Hit], selections: Sequence[ReferenceSelection], tenant: str | None, sizes: dict[int, int]
    ) -> None:
        """``sizes``: of each hit, by its id, how many objects appear with it, itself included."""
        if not selections:
            sizes.update((id(hit), 1) for hit in hits)
            return
        pointers = [hit.record.references for hit in hits]
        for property in dict.fromkeys(selection.property for selection in selections):
            chosen = [selection for selection in selections if selection.property == property]
            wanted = {target for one in pointers for target in one.get(property, ())}
            linked = self._linked(wanted, chosen, tenant, sizes)
            for hit, one in zip(hits, pointers, strict=True):
                if property in one:
                    hit.references[property] = [linked[target] for target in one[property] if target in linked]
        for hit in hits:
            sizes[id(hit)] = 1 + sum(sizes[id(target)] for group in hit.references.values() for target in group)

    def _linked(
        self,
        wanted: Iterable[Reference],
        selections: Sequence[ReferenceSelection],
        tenant: str | None,
        sizes: dict[int, int],
    ) -> dict[Reference, Hit]:
        """The objects that exist, filled according to the first selection that covers their collection."""
        by_collection: dict[str, list[Reference]] = defaultdict(list)
        for target in wanted:
            by_collection[target.collection].append(target)
        bare = by_collection.pop("", [])
        if bare:
            for name in dict.fromkeys(selection.collection for selection in selections if selection.collection):
                by_collection[name].extend(bare)
        found: dict[Reference, Hit] = {}
        for name, targets in by_collection.items():
            selection = next((s for s in selections if s.covers(name)), None)
            collection = self._collection(name)
            if selection is None or collection is None:
                continue
            hits = self._hits(collection, targets, selection.returns, tenant)
            self._fill(list(hits.values()), selection.returns.references, tenant, sizes)
            found.update(hits)
        return found

    def _hits(
        self, collection: ServedCollection, targets: Sequence[Reference], returns: Returns, tenant: str | None
    ) -> dict[Reference, Hit]:
        """The targets that exist; none when the collection has no such tenant, or an inactive one."""
        with ExitStack() as leases:
            try:
                lease = self._collections.use(collection, tenant if collection.config.tenancy.enabled else None)
                view = leases.enter_context(lease).view(expired=True)
            except CallerError:
                return {}
            hits = _read(view, targets)
            fill_vectors(view, view.config, returns, list(hits.values()))
            return hits

    def _collection(self, name: str) -> ServedCollection | None:
        """None when it is gone, and with it all targets."""
        try:
            return self._collections.open(name)
        except NotFound:
            return None


def _read(view: View, targets: Sequence[Reference]) -> dict[Reference, Hit]:
    """The targets that exist."""
    found = find_records(view, [target.uuid for target in targets])
    return {
        target: Hit(one[1], one[0], collection=view.config)
        for target, one in zip(targets, found, strict=True)
        if one is not None
    }


def _target(config: CollectionConfig, selection: ReferenceSelection) -> str:
    """The collection whose objects the selection returns."""
    declared = config.by_name.get(selection.property)
    if declared is None:
        raise unknown_property(selection.property, config.name)
    if declared.data_type is not DataType.REFERENCE:
        raise Invalid(
            f"property {selection.property!r} of class {config.name} is of type {declared.data_type}, not a reference"
        )
    targets = declared.target_collections
    if selection.collection is None and len(targets) == 1:
        return targets[0]
    if selection.collection is None:
        raise Invalid(
            f"multi target references from collection {config.name} and property {selection.property} need an "
            f"explicit linked collection. Available linked collections are {list(targets)}"
        )
    if selection.collection not in targets:
        raise Invalid(
            f"property {selection.property!r} of class {config.name} does not point to {selection.collection[:80]!r}; "
            f"it points to {', '.join(targets)}"
        )
    return selection.collection
