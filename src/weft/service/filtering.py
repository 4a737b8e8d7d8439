"""Filters that reach into other collections: what a referenced object must be like.

A condition on a referenced object is answered in the target collection first, hop by hop; what it selects there is
turned into the objects here that point to one of those.
"""

from __future__ import annotations

from pyroaring import BitMap

from weft.domain.errors import Invalid
from weft.domain.filters import Filter
from weft.engine.embedded.index.allow_list import AllowList
from weft.engine.embedded.index.filter.view import ReferenceResolver
from weft.engine.embedded.shard import Shard, ShardView
from weft.service.collections import Collections

MAX_HOPS = 20
"""References that one path of a filter may follow."""


def allowed(collections: Collections, shard: Shard, tenant: str | None, filter: Filter, view: ShardView) -> AllowList:
    """The live objects of ``shard`` that ``filter`` selects, conditions on referenced objects included.

    ``tenant`` is that of the query: references lead to objects of the same tenant, or to collections without tenants.
    Raises Invalid, and NotFound when a collection on the way is gone.
    """
    return shard.allowed(filter, view, _resolver(collections, shard, tenant, 1))


def _resolver(collections: Collections, shard: Shard, tenant: str | None, hops: int) -> ReferenceResolver:
    def resolve(property: str, inner: Filter, name: str) -> BitMap:
        if hops > MAX_HOPS:
            raise Invalid(f"a filter may follow at most {MAX_HOPS} references in a row; make its path shorter")
        collection = collections.open(name)
        targets = shard.config.by_name[property].target_collections
        if collection.config.name not in targets:
            raise Invalid(f"property {property!r} does not point to {name[:80]!r}, but to {', '.join(targets)}")
        target = collections.shard(collection, tenant if collection.config.tenancy.enabled else None)
        found = target.allowed(inner, target.view, _resolver(collections, target, tenant, hops + 1))
        return shard.referring(property, target.uuids(found.ids.tolist()), collection.config.name)

    return resolve
