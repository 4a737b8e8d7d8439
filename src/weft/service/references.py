"""The verbs on references: add one or many, replace all of a property, remove one.

All references that one request adds to an object are stored in one write.

The target of a reference need not exist when references are added in batches, because an import may bring it later.
It must exist when one reference is added, when those of a property are replaced, when an object is stored with its
references, and always where tenants are involved. A reference leads to objects of the same tenant, or to a collection
without tenants.

A reference without a class, of a property with several targets, leads to the first target that has the object; if none
has it yet, it stays without a class, and its target is found when it is read.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from itertools import islice

from weft.domain.errors import CallerError, CollectionNotFound, Invalid, NotFound, WeftError
from weft.domain.names import collection_name, property_name, unknown_property
from weft.domain.objects import IncomingReference, Object, Properties, Reference, format_uuid, parse_uuid
from weft.domain.schema import CollectionConfig, DataType
from weft.engine.changes import Edit
from weft.engine.collection import ServedCollection
from weft.engine.part import Part
from weft.service.centroids import Centroids
from weft.service.collections import Collections
from weft.service.reference_edits import edited, is_same, joined
from weft.service.values import coerce

_OBJECTS_PER_WRITE = 256
_CROSSING = "invalid reference: cannot reference a multi-tenant enabled class from a non multi-tenant enabled class"


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
        self._centroids = Centroids(collections)

    def link(self, incoming: Sequence[IncomingReference], *, must_exist: bool = False) -> list[WeftError | None]:
        """Append each reference to those of its property; one error or None each, independent of the others.

        ``must_exist``: refuse targets that do not exist.
        """
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
        refused = self._refused(source.config, source.tenant, {link.target for link in links}, must_exist)
        for link in links:
            errors[link.position] = refused.get(link.target)
        self._add(source, [link for link in links if link.target not in refused], errors)

    def unlink(self, incoming: IncomingReference) -> None:
        """Remove every such reference of the property, if any. Raises NotFound when there is no such object."""
        with self._source(incoming.collection, incoming.tenant) as source:
            link = self._checked(source, 0, incoming)

            def remove(obj: Object) -> Object | None:
                present = obj.properties.get(link.property) or []
                kept = [one for one in present if not is_same(one, link.target)]
                return None if len(kept) == len(present) else edited(obj, {link.property: kept})

            self._edit(source, link.uuid, remove)

    def relink(self, name: str, uuid: str, property: str, targets: Sequence[Reference], tenant: str | None) -> None:
        """Replace the references of the property by ``targets``. Raises NotFound when there is no such object."""
        with self._source(name, tenant) as source:
            key = parse_uuid(uuid)
            checked = [self._target(source.config, source.tenant, property, one) for one in targets]
            declared = _reference_property(source.config, property)
            for error in self._refused(source.config, source.tenant, set(checked), must_exist=True).values():
                raise error
            self._edit(source, key, lambda obj: edited(obj, {declared: checked}))

    def check(
        self, config: CollectionConfig, tenant: str | None, objects: Sequence[Properties]
    ) -> list[WeftError | None]:
        """For the validated properties of each object: an error when the target of a reference does not exist.

        References without a class get the one that has their object.
        """
        properties = [one.name for one in config.properties if one.data_type is DataType.REFERENCE]
        for one in objects:
            for name in properties:
                if any(not target.collection for target in one.get(name) or ()):
                    one[name] = [self._resolved(config, tenant, name, target) for target in one[name]]
        links = [[(name, target) for name in properties for target in one.get(name) or ()] for one in objects]
        if not any(links):
            return [None] * len(objects)
        targets = {target for some in links for _, target in some}
        refused = self._refused(config, tenant, targets, must_exist=True)
        errors: list[WeftError | None] = []
        for some in links:
            wrong = next(((name, refused[target]) for name, target in some if target in refused), None)
            reason = wrong and f"'cref' {config.name}:{wrong[0]}: {wrong[1].message}"
            errors.append(Invalid(f"invalid object: invalid cref: {reason}") if reason else None)
        return errors

    # -- checking

    @contextmanager
    def _source(self, name: str, tenant: str | None) -> Iterator[_Source]:
        collection = self._collections.open(name)
        with self._collections.use(collection, tenant) as part:
            yield _Source(collection.config, part, tenant or None)

    def _checked(self, source: _Source, position: int, incoming: IncomingReference) -> _Link:
        target = Reference(incoming.to_collection, parse_uuid(incoming.to_uuid))
        uuid = parse_uuid(incoming.uuid)
        declared = _reference_property(source.config, incoming.property)
        return _Link(position, uuid, declared, self._target(source.config, source.tenant, declared, target))

    def _unlinked(self, incoming: IncomingReference) -> WeftError | None:
        """The error of one from a collection that is unknown, or without tenants to one that has them."""
        source, target = (self._collections.find(name) for name in (incoming.collection, incoming.to_collection))
        if source is None:
            name = incoming.collection
            return CollectionNotFound(f'source class "{name[:80]}" not found in schema', collection=name)
        crossing = target is not None and target.config.tenancy.enabled and not source.config.tenancy.enabled
        return Invalid(_CROSSING) if crossing else None

    def _target(self, config: CollectionConfig, tenant: str | None, property: str, target: Reference) -> Reference:
        """``target`` with the name of its collection, as far as it is known; raises Invalid for one that the property
        cannot point to."""
        declared = _reference_property(config, property)
        name = collection_name(target.collection)
        if name and name not in config.by_name[declared].target_collections:
            name = self._unaliased(name)
        checked: Reference = coerce(config, {declared: [replace(target, collection=name)]})[declared][0]
        return self._resolved(config, tenant, declared, checked)

    def _resolved(self, config: CollectionConfig, tenant: str | None, property: str, target: Reference) -> Reference:
        """``target`` with the collection that has the object; as it is if it names one, or if none has it."""
        if target.collection:
            return target
        for name in config.by_name[property].target_collections:
            collection = self._collections.find(name)
            try:
                if collection is not None and not self._missing(config, tenant, collection, [target], must_exist=True):
                    return replace(target, collection=collection.config.name)
            except CallerError:
                continue  # this source or tenant cannot lead there
        return target

    def _unaliased(self, name: str) -> str:
        with suppress(NotFound):
            return self._collections.get(name).name
        return name

    def _refused(
        self, source: CollectionConfig, tenant: str | None, targets: Iterable[Reference], must_exist: bool
    ) -> dict[Reference, WeftError]:
        """The error of each target that objects of ``source``, in ``tenant``, may not point to."""
        refused: dict[Reference, WeftError] = {}
        by_collection: dict[str, list[Reference]] = defaultdict(list)
        for target in targets:
            by_collection[target.collection].append(target)
        for target in by_collection.pop("", ()):
            if must_exist or source.tenancy.enabled:
                refused[target] = Invalid(f"no object with id {format_uuid(target.uuid)} found")
        for name, group in by_collection.items():
            try:
                missing = self._missing(source, tenant, self._collections.open(name), group, must_exist)
            except WeftError as error:
                refused.update(dict.fromkeys(group, error))
                continue
            for target in missing:
                uuid, where = format_uuid(target.uuid), f" for tenant {tenant!r}" if tenant else ""
                if must_exist:
                    refused[target] = Invalid(f"no object with id {uuid} found in class {name}{where}")
                else:
                    refused[target] = Invalid(f'target: object {name}/{uuid} not found for tenant "{tenant}"')
        return refused

    def _missing(
        self,
        source: CollectionConfig,
        tenant: str | None,
        collection: ServedCollection,
        targets: Sequence[Reference],
        must_exist: bool,
    ) -> list[Reference]:
        """Those of ``targets``, objects of ``collection``, that must exist but do not."""
        own, other = source.tenancy.enabled, collection.config.tenancy.enabled
        if other and not own:
            raise Invalid(_CROSSING)
        if not must_exist and not own:
            return []
        with self._collections.use(collection, tenant if other else None) as part:
            found = part.view(expired=True).find([one.uuid for one in targets])
        return [one for one, doc_id in zip(targets, found, strict=True) if doc_id is None]

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


def _reference_property(config: CollectionConfig, name: str) -> str:
    """The declared name of the reference property; raises Invalid when there is none of that name."""
    name = property_name(name)
    declared = config.by_name.get(name)
    if declared is None:
        raise unknown_property(name, config.name)
    if declared.data_type is not DataType.REFERENCE:
        raise Invalid(
            f"property '{name}' of class '{config.name}' is of type {declared.data_type}; only properties whose type "
            "is a class can hold references",
            property=name,
        )
    return name
