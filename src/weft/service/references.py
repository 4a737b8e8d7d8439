"""The verbs on references: add one or many, replace all of a property, remove one.

All references that one request adds to an object are stored in one write. For where they may lead to see
``reference_targets``.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice

from weft.access.requirement import requires
from weft.domain.errors import CollectionNotFound, Invalid, ReadOnly, WeftError
from weft.domain.names import property_name
from weft.domain.objects import IncomingReference, Object, Properties, Reference, parse_uuid
from weft.domain.schema import CollectionConfig
from weft.engine.changes import Edit
from weft.engine.part import Part
from weft.service.centroids import Centroids
from weft.service.collections import Collections
from weft.service.permissions.objects import all_of, linking, linking_data, relinking, unlinking
from weft.service.reference_edits import edited, is_same, joined
from weft.service.reference_targets import CROSSING, ReferenceTargets, reference_property

_OBJECTS_PER_WRITE = 256


@dataclass(frozen=True, slots=True)
class _Source:
    """The part whose objects hold the references."""

    config: CollectionConfig
    part: Part
    tenant: str | None


@dataclass(frozen=True, slots=True)
class _Link:
    """A checked reference; ``position`` is its place in the request."""

    position: int
    uuid: bytes
    property: str
    target: Reference


class References:
    def __init__(self, collections: Collections) -> None:
        self._collections = collections
        self._targets = ReferenceTargets(collections)
        self._centroids = Centroids(collections)

    @requires(per_item=linking)
    def link(self, incoming: Sequence[IncomingReference], *, must_exist: bool = False) -> list[WeftError | None]:
        """Append each reference to those of its property; one error or None each, independent of the others.

        ``must_exist``: refuse targets that do not exist.
        """
        try:
            self._collections.check_room()
        except ReadOnly as error:
            return [error] * len(incoming)
        errors: list[WeftError | None] = [None] * len(incoming)
        groups: dict[tuple[str, str | None], list[int]] = defaultdict(list)
        for i, one in enumerate(incoming):
            groups[one.collection, one.tenant or None].append(i)
        for (name, tenant), positions in groups.items():
            try:
                with self._source(name, tenant) as source:
                    self._link(source, {i: incoming[i] for i in positions}, must_exist, errors)
            except WeftError as error:
                for i in positions:  # of a batch, what is wrong with the reference; of a request, what is wrong with it
                    errors[i] = errors[i] or (None if must_exist else self._unlinked(incoming[i])) or error
        return errors

    @requires(all_of(linking_data), per_item=linking)
    def link_together(self, incoming: Sequence[IncomingReference]) -> list[WeftError | None]:
        """As ``link``, if the caller may add all of them; otherwise none is added."""
        return self.link(incoming)

    @requires(unlinking)
    def unlink(self, incoming: IncomingReference) -> None:
        """Remove every such reference of the property, if any. Raises NotFound when there is no such object."""
        with self._source(incoming.collection, incoming.tenant) as source:
            link = self._checked(source, 0, incoming)

            def remove(obj: Object) -> Object | None:
                present = obj.properties.get(link.property) or []
                kept = [one for one in present if not is_same(one, link.target)]
                return None if len(kept) == len(present) else edited(obj, {link.property: kept})

            self._edit(source, link.uuid, remove)

    @requires(relinking)
    def relink(self, name: str, uuid: str, property: str, targets: Sequence[Reference], tenant: str | None) -> None:
        """Replace the references of the property by ``targets``. Raises NotFound when there is no such object."""
        self._collections.check_room()
        with self._source(name, tenant) as source:
            key = parse_uuid(uuid)
            checked = [self._targets.of(source.config, source.tenant, property, one) for one in targets]
            declared = reference_property(source.config, property)
            for error in self._targets.refused(source.config, source.tenant, set(checked), must_exist=True).values():
                raise error
            self._edit(source, key, lambda obj: edited(obj, {declared: checked}))

    # -- checking

    def _link(
        self,
        source: _Source,
        incoming: Mapping[int, IncomingReference],
        must_exist: bool,
        errors: list[WeftError | None],
    ) -> None:
        """``incoming`` by its place in the request."""
        links: list[_Link] = []
        for i, one in incoming.items():
            name = property_name(one.property)
            if not must_exist and name not in source.config.by_name:
                errors[i] = Invalid(f"property {name} does not exist for class {source.config.name}", property=name)
                continue
            try:
                links.append(self._checked(source, i, one))
            except WeftError as error:
                errors[i] = error
        refused = self._targets.refused(source.config, source.tenant, {link.target for link in links}, must_exist)
        for link in links:
            errors[link.position] = refused.get(link.target)
        self._add(source, [link for link in links if link.target not in refused], errors)

    @contextmanager
    def _source(self, name: str, tenant: str | None) -> Iterator[_Source]:
        collection = self._collections.open(name)
        with self._collections.use(collection, tenant) as part:
            yield _Source(collection.config, part, tenant or None)

    def _checked(self, source: _Source, position: int, incoming: IncomingReference) -> _Link:
        target = Reference(incoming.to_collection, parse_uuid(incoming.to_uuid))
        uuid = parse_uuid(incoming.uuid)
        declared = reference_property(source.config, incoming.property)
        return _Link(position, uuid, declared, self._targets.of(source.config, source.tenant, declared, target))

    def _unlinked(self, incoming: IncomingReference) -> WeftError | None:
        """The error of one from a collection that is unknown, or without tenants to one that has them."""
        source, target = (self._collections.find(name) for name in (incoming.collection, incoming.to_collection))
        if source is None:
            name = incoming.collection
            return CollectionNotFound(f'source class "{name[:80]}" not found in schema', collection=name)
        crossing = target is not None and target.config.tenancy.enabled and not source.config.tenancy.enabled
        return Invalid(CROSSING) if crossing else None

    # -- writing

    def _edit(self, source: _Source, uuid: bytes, edit: Edit) -> None:
        for error in self._write(source, {uuid: edit}).values():
            raise error

    def _write(self, source: _Source, edits: Mapping[bytes, Edit]) -> dict[bytes, WeftError]:
        return self._centroids.edit(source.config, source.part, source.tenant, edits)

    def _add(self, source: _Source, links: Sequence[_Link], errors: list[WeftError | None]) -> None:
        by_object: dict[bytes, list[_Link]] = defaultdict(list)
        for link in links:
            by_object[link.uuid].append(link)
        remaining = iter(by_object.items())
        while chunk := dict(islice(remaining, _OBJECTS_PER_WRITE)):
            try:
                failed = self._write(source, {uuid: _appended(source.config, group) for uuid, group in chunk.items()})
            except WeftError as error:
                failed = dict.fromkeys(chunk, error)
            for uuid, group in chunk.items():
                for link in group:
                    errors[link.position] = failed.get(uuid)


def _appended(config: CollectionConfig, links: Sequence[_Link]) -> Edit:
    def append(obj: Object) -> Object:
        added: dict[str, list[Reference]] = defaultdict(list)
        for link in links:
            added[link.property].append(link.target)
        changed: Properties = {
            name: joined(config.by_name[name], obj.properties.get(name) or (), targets)
            for name, targets in added.items()
        }
        return edited(obj, changed)

    return append
