"""Filters through references: conditions on referenced objects.

A condition on a referenced object is first evaluated in the target collection, hop by hop; the reference must then
point to one of the objects that it selects there.
"""

from __future__ import annotations

from weft.domain.deadline import check
from weft.domain.errors import Invalid
from weft.domain.filters import Filter
from weft.domain.schema import CollectionConfig
from weft.engine.selection import Referenced, Resolve
from weft.service.collections import Collections

MAX_HOPS = 20
"""The most references that one path of a filter may follow."""


def resolver(collections: Collections, config: CollectionConfig, tenant: str | None, hops: int = 1) -> Resolve:
    """Evaluates the conditions on referenced objects in a filter over objects of ``config``.

    ``tenant`` is that of the query: references lead to objects of the same tenant, or to collections without tenants.
    Raises Invalid, and NotFound when a collection on the path is gone.
    """

    def resolve(property: str, inner: Filter, name: str) -> Referenced:
        check()
        if hops > MAX_HOPS:
            raise Invalid(f"a filter may follow at most {MAX_HOPS} references in a row; make its path shorter")
        collection = collections.open(name)
        targets = config.by_name[property].target_collections
        if collection.config.name not in targets:
            raise Invalid(f"property {property!r} does not point to {name[:80]!r}, but to {', '.join(targets)}")
        with collections.use(collection, tenant if collection.config.tenancy.enabled else None) as part:
            view = part.view(expired=True)
            found = view.select(inner, resolver(collections, view.config, tenant, hops + 1))
            return Referenced(collection.config.name, view.uuids(found.first().tolist()))

    return resolve
