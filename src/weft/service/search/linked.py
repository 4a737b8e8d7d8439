"""Linker: adds to hits the objects that their references point to, as deep as a query requests.

Level by level, each target is read once however many hits point to it, and becomes one ``Hit`` that they share. A
reference to an object that does not exist (any more) is left out; an absent property has no entry.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack
from typing import NamedTuple, TypeAlias

from weft.domain.answer import Hit
from weft.domain.deadline import checked
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

MOST_LINKED_BYTES = 1 << 27
"""What they may take, each as often as it appears: a few large objects, to which many hits point, become gigabytes."""


class _Size(NamedTuple):
    """Of a hit with the objects that appear with it: how many there are, itself included, and their bytes."""

    objects: int
    bytes: int


_Sizes: TypeAlias = dict[int, _Size]
"""Of each hit, by its id."""

_SCALAR_BYTES = 8

_Weigh: TypeAlias = Callable[[Hit, Returns], int]
"""How many bytes of a referenced object are returned."""


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

    def fill(
        self,
        hits: Sequence[Hit],
        config: CollectionConfig,
        selections: Sequence[ReferenceSelection],
        tenant: str | None,
    ) -> None:
        """Set the references of ``hits``, objects of ``config``, according to the validated selections; ``tenant`` is
        the query's."""
        if not selections or not hits:
            return
        size = self._filled(hits, config, selections, tenant, _whole_bytes)
        if size.bytes > MOST_LINKED_BYTES:
            size = self._filled(hits, config, selections, tenant, _chosen_bytes)
        if size.objects > MOST_LINKED:
            raise Invalid(
                f"the answer would contain {size.objects} referenced objects, more than {MOST_LINKED}; "
                "request fewer objects or fewer levels of references",
                count=size.objects,
            )
        if size.bytes > MOST_LINKED_BYTES:
            raise Invalid(
                f"the referenced objects in the answer would take {size.bytes} bytes, more than {MOST_LINKED_BYTES}; "
                "request fewer objects or fewer of their properties",
                bytes=size.bytes,
            )

    def _filled(
        self,
        hits: Sequence[Hit],
        config: CollectionConfig,
        selections: Sequence[ReferenceSelection],
        tenant: str | None,
        weigh: _Weigh,
    ) -> _Size:
        """Of all referenced objects."""
        sizes: _Sizes = {}
        self._fill(hits, config, selections, tenant, sizes, weigh)
        return _sum(sizes, hits, _Size(-len(hits), 0))

    def _fill(
        self,
        hits: Sequence[Hit],
        config: CollectionConfig,
        selections: Sequence[ReferenceSelection],
        tenant: str | None,
        sizes: _Sizes,
        weigh: _Weigh,
        returns: Returns | None = None,
    ) -> None:
        """``returns``: what is returned of the hits themselves, where they are referenced objects."""
        for hit in hits:
            sizes[id(hit)] = _Size(1, 0 if returns is None else weigh(hit, returns))
        if not selections:
            return
        pointers = [hit.record.references for hit in hits]
        for property in dict.fromkeys(selection.property for selection in selections):
            chosen: dict[str, Returns] = {}
            for selection in selections:
                if selection.property == property:
                    chosen.setdefault(_target(config, selection), selection.returns)
            wanted = {target for one in pointers for target in one.get(property, ())}
            linked = self._linked(wanted, chosen, tenant, sizes, weigh)
            for hit, one in zip(hits, pointers, strict=True):
                if property in one:
                    hit.references[property] = [linked[target] for target in one[property] if target in linked]
        for hit in hits:
            sizes[id(hit)] = _sum(
                sizes, (target for group in hit.references.values() for target in group), sizes[id(hit)]
            )

    def _linked(
        self,
        wanted: Iterable[Reference],
        chosen: Mapping[str, Returns],
        tenant: str | None,
        sizes: _Sizes,
        weigh: _Weigh,
    ) -> dict[Reference, Hit]:
        """The objects that exist in the ``chosen`` collections, with what is chosen of each. What leads elsewhere, as
        a reference of a restored collection may, is left out: the caller's rights are checked for these."""
        by_collection: dict[str, list[Reference]] = defaultdict(list)
        for target in wanted:
            by_collection[target.collection].append(target)
        bare = by_collection.pop("", [])
        if bare:
            for name in chosen:
                by_collection[name].extend(bare)
        found: dict[Reference, Hit] = {}
        for name, targets in checked(by_collection.items()):
            returns = chosen.get(name)
            collection = None if returns is None else self._collection(name)
            if returns is None or collection is None:
                continue
            hits = self._hits(collection, targets, returns, tenant)
            self._fill(list(hits.values()), collection.config, returns.references, tenant, sizes, weigh, returns)
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


def _sum(sizes: _Sizes, hits: Iterable[Hit], own: _Size) -> _Size:
    objects, weight = own
    for hit in hits:
        more = sizes[id(hit)]
        objects += more.objects
        weight += more.bytes
    return _Size(objects, weight)


def _whole_bytes(hit: Hit, returns: Returns) -> int:
    return len(hit.record.encoded_properties) + _vector_bytes(hit)


def _chosen_bytes(hit: Hit, returns: Returns) -> int:
    if returns.properties is None:
        return _whole_bytes(hit, returns)
    values = hit.record.properties
    chosen = {*returns.properties, *(one.name for one in returns.nested)}
    return sum(_bytes_of(values.get(name)) for name in chosen) + _vector_bytes(hit)


def _vector_bytes(hit: Hit) -> int:
    return sum(one.nbytes for one in hit.vectors.values()) if hit.vectors else 0


def _bytes_of(value: object) -> int:
    """About what it takes in an answer."""
    if isinstance(value, str):
        return len(value)
    if isinstance(value, Mapping):
        return sum(_bytes_of(one) for one in value.values())
    if isinstance(value, list | tuple):
        return sum(map(_bytes_of, value))
    return _SCALAR_BYTES


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
