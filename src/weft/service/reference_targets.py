"""Targets: which objects a reference may lead to.

The target of a reference need not exist when references are added in batches, because an import may bring it later.
It must exist when one reference is added, when those of a property are replaced, when an object is stored with its
references, and always where tenants are involved. A reference leads to objects of the same tenant, or to a collection
without tenants.

A reference without a class, of a property with several targets, leads to the first target that has the object; if none
has it yet, it stays without a class, and its target is found when it is read.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import replace

from weft.domain.errors import CallerError, Invalid, NotFound, WeftError
from weft.domain.names import collection_name, property_name, unknown_property
from weft.domain.objects import Properties, Reference, format_uuid
from weft.domain.schema import CollectionConfig, DataType
from weft.engine.collection import ServedCollection
from weft.service.collections import Collections
from weft.service.values import coerce

CROSSING = "invalid reference: cannot reference a multi-tenant enabled class from a non multi-tenant enabled class"


class ReferenceTargets:
    def __init__(self, collections: Collections) -> None:
        self._collections = collections

    def of(self, config: CollectionConfig, tenant: str | None, property: str, target: Reference) -> Reference:
        """``target`` with the name of its collection, as far as it is known; raises Invalid for one that the property
        cannot point to."""
        declared = reference_property(config, property)
        name = collection_name(target.collection)
        if name and name not in config.by_name[declared].target_collections:
            name = self._unaliased(name)
        checked: Reference = coerce(config, {declared: [replace(target, collection=name)]})[declared][0]
        return self._resolved(config, tenant, declared, checked)

    def refused(
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

    def check(
        self, config: CollectionConfig, tenant: str | None, objects: Sequence[Properties]
    ) -> list[WeftError | None]:
        """For the validated properties of each object: an error when the target of a reference does not exist.

        References without a class get the one that has their object.
        """
        properties = [one.name for one in config.properties if one.data_type is DataType.REFERENCE]
        if not properties:
            return [None] * len(objects)
        for one in objects:
            for name in properties:
                if any(not target.collection for target in one.get(name) or ()):
                    one[name] = [self._resolved(config, tenant, name, target) for target in one[name]]
        links = [[(name, target) for name in properties for target in one.get(name) or ()] for one in objects]
        if not any(links):
            return [None] * len(objects)
        targets = {target for some in links for _, target in some}
        refused = self.refused(config, tenant, targets, must_exist=True)
        errors: list[WeftError | None] = []
        for some in links:
            wrong = next(((name, refused[target]) for name, target in some if target in refused), None)
            reason = wrong and f"'cref' {config.name}:{wrong[0]}: {wrong[1].message}"
            errors.append(Invalid(f"invalid object: invalid cref: {reason}") if reason else None)
        return errors

    # -- inside

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
            raise Invalid(CROSSING)
        if not must_exist and not own:
            return []
        with self._collections.use(collection, tenant if other else None) as part:
            found = part.view(expired=True).find([one.uuid for one in targets])
        return [one for one, doc_id in zip(targets, found, strict=True) if doc_id is None]


def reference_property(config: CollectionConfig, name: str) -> str:
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
