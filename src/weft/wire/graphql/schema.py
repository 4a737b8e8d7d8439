"""Schemas: the GraphQL types of the collections that a document names, kept for the next document that names them.

Only introspection needs the types of all collections. So the cost of a request does not grow with the number of
collections that it does not name, and a server without GraphQL requests pays nothing. A configuration is never changed
but replaced, so a cached schema is valid as long as its names refer to the same configurations.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from typing import Final, TypeAlias

from graphql import GraphQLField, GraphQLObjectType, GraphQLSchema

from weft.domain.errors import NotFound
from weft.domain.schema import CollectionConfig
from weft.service.collections import Collections
from weft.service.service import Service
from weft.wire.graphql.aggregate import aggregate_field
from weft.wire.graphql.documents import ROOTS, Named
from weft.wire.graphql.explore import explore_field
from weft.wire.graphql.get import get_field
from weft.wire.graphql.get_types import is_name, type_name

_MOST_KEPT: Final = 64
_MOST_COLLECTIONS: Final = 1_000
"""In all kept schemas together, counted as often as they occur: about 90 KiB each."""
_Key: TypeAlias = tuple[frozenset[str], tuple[tuple[str, int], ...]]


class KeptSchemas:
    """Safe for any number of threads."""

    def __init__(self) -> None:
        self._kept: OrderedDict[_Key, GraphQLSchema] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, named: Named, service: Service) -> GraphQLSchema:
        """For the collections and aliases among ``named``; for all in the case of introspection.

        A schema holds the configurations it was made of, so none of the ids in
        its key can come to mean another one.
        """
        configs = _all(service) if named.introspects else _named(named, service.collections)
        roots = ROOTS if named.introspects else named.roots
        key = (roots, tuple(sorted((name, id(config)) for name, config in configs.items())))
        with self._lock:
            found = self._kept.get(key)
            if found is not None:
                self._kept.move_to_end(key)
                return found
        made = build(configs, roots)
        with self._lock:
            self._kept[key] = made
            while len(self._kept) > 1 and self._is_full():
                self._kept.popitem(last=False)
        return made

    def _is_full(self) -> bool:
        return len(self._kept) > _MOST_KEPT or sum(len(key[1]) for key in self._kept) > _MOST_COLLECTIONS


def build(configs: Mapping[str, CollectionConfig], roots: frozenset[str] = ROOTS) -> GraphQLSchema:
    """``configs`` by name or alias; those of ``Get`` and ``Aggregate`` that are not in ``roots`` stay empty.

    ``extensions``: the configurations by their own names, and room for answers that depend on the schema alone.
    """
    names = _Names({type_name(config.name) for config in configs.values()})
    names.take(target for config in configs.values() for one in config.properties for target in one.target_collections)
    fields: dict[str, GraphQLField] = {
        "Get": get_field(configs if "Get" in roots else {}, names),
        "Aggregate": aggregate_field(configs if "Aggregate" in roots else {}, names),
        "Explore": explore_field(names),
    }
    collections = {config.name: config for config in configs.values()}
    return GraphQLSchema(
        GraphQLObjectType(names("WeaviateObj"), fields),
        extensions={"collections": collections, "answers": {}},
        assume_valid=True,
    )


class _Names:
    """Gives each type a unique name: a collection may have the name of another one's derived type."""

    def __init__(self, taken: set[str]) -> None:
        self._taken = taken

    def take(self, collections: Iterable[str]) -> None:
        self._taken.update(type_name(one) for one in collections)

    def __call__(self, name: str) -> str:
        while name in self._taken:
            name += "_"
        self._taken.add(name)
        return name


def _named(named: Named, collections: Collections) -> dict[str, CollectionConfig]:
    found: dict[str, CollectionConfig] = {}
    for name in sorted(named.collections):
        try:
            found[name] = collections.get(name)
        except NotFound:
            continue
    return found


def _all(service: Service) -> dict[str, CollectionConfig]:
    configs = {config.name: config for config in service.collections.all() if is_name(config.name)}
    aliases = {one.name: configs[one.collection] for one in service.aliases.all() if one.collection in configs}
    return {**aliases, **configs}
