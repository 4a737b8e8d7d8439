"""``Get``: one field, one ``Query``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any, Final

from graphql import FieldNode, GraphQLField, GraphQLList, GraphQLObjectType, GraphQLResolveInfo, get_argument_values

from weft.domain.consistency import ConsistencyLevel, consistent, level
from weft.domain.errors import Invalid
from weft.domain.generation import Generate, Prompt, Rerank
from weft.domain.json_values import JsonValue
from weft.domain.names import property_name
from weft.domain.query import (
    UNPAGED,
    Condense,
    GroupBy,
    Hybrid,
    Keyword,
    Query,
    ReferenceSelection,
    Returns,
    Search,
    Sort,
)
from weft.domain.schema import CollectionConfig, DataType
from weft.wire.graphql import inputs
from weft.wire.graphql.context import context_of
from weft.wire.graphql.decode_search import Args, decode_filter, decode_search
from weft.wire.graphql.get_types import GetTypes
from weft.wire.graphql.items import Item, items
from weft.wire.graphql.selections import SelectedFields
from weft.wire.graphql.words import WORD_FIELDS, say, vector_for_words

_UNBOUNDED: Final = -1
_LARGEST: Final = 2**31 - 1


def get_field(configs: Mapping[str, CollectionConfig], name: inputs.Name) -> GraphQLField:
    """``configs`` by the names that the request uses, aliases among them."""
    types = GetTypes({config.name: config for config in configs.values()}, name)
    fields: dict[str, GraphQLField] = {}
    by_collection: dict[str, GraphQLField] = {}
    for called, config in configs.items():
        known = by_collection.get(config.name)
        if known is None:
            kind = types.of(config.name)
            known = by_collection[config.name] = GraphQLField(
                GraphQLList(kind),
                args=inputs.of_get(name, config.name),
                resolve=partial(_resolve, config=config, kind=kind),
                description=config.description,
            )
        fields[called] = known
    return GraphQLField(GraphQLObjectType(name("GetObjectsObj"), fields), resolve=lambda *_: {})


def _resolve(
    _: object, info: GraphQLResolveInfo, *, config: CollectionConfig, kind: GraphQLObjectType, **args: Any
) -> list[Item]:
    context = context_of(info)
    context.count_search()
    selected = SelectedFields(info, info.field_nodes)
    query = _query(args, selected, info, config, kind)
    asked_level = args.get("consistencyLevel")
    with consistent(level() if asked_level is None else ConsistencyLevel.of(asked_level)):
        found = items(context.service.search(query, context.caller), query, config)
    fields = selected.fields(kind.name)
    additional = selected.below(fields.get("_additional", ())).fields()
    asked = {name: _arguments(additional[name], name, info, kind) or {} for name in WORD_FIELDS if name in additional}
    say(context.service, config, query.search, found, asked)
    return found


def _query(
    args: Args, selected: SelectedFields, info: GraphQLResolveInfo, config: CollectionConfig, kind: GraphQLObjectType
) -> Query:
    search = decode_search(args, config)
    fields = selected.fields(kind.name)
    additional = selected.below(fields.get("_additional", ())).fields()
    sort = tuple(_sort(one) for one in args.get("sort") or () if one)
    group_by = _group_by(args.get("groupBy"))
    return Query(
        collection=config.name,
        tenant=args.get("tenant") or None,
        search=search,
        filter=decode_filter(args),
        limit=_limit(args, search),
        offset=_whole(args, "offset"),
        autocut=max(0, args.get("autocut") or 0),
        after=args.get("after") or None,
        sort=sort,
        group_by=group_by,
        condense=_condense(args.get("group"), group_by),
        rerank=_rerank(additional.get("rerank", ()), info, kind),
        generate=_generate(additional.get("generate", ()), info, kind),
        returns=_returns(selected, config, kind.name, info),
    )


def _limit(args: Args, search: Search | None) -> int:
    """0: the default, also for a negative one. Without a limit, a search within a distance returns all hits, and a
    query without an offset and ``autocut`` has another default."""
    limit = args.get("limit")
    near = None if isinstance(search, Keyword | Hybrid) else search
    within = near is not None and (near.max_distance is not None or near.min_certainty is not None)
    if limit is None or limit < 0:
        unpaged = args.keys().isdisjoint(("limit", "offset", "autocut"))
        return _UNBOUNDED if within else UNPAGED if unpaged else 0
    return _whole(args, "limit")


def _whole(args: Args, name: str) -> int:
    value: int = args.get(name) or 0
    if not 0 <= value <= _LARGEST:
        raise Invalid(f"{name} must be an integer from 0 to {_LARGEST}, not {value}")
    return value


def _sort(given: Args) -> Sort:
    path = [one for one in given.get("path") or () if one]
    if len(path) != 1:
        raise Invalid(f"a sort path can only have one entry, received {len(path)}")
    return Sort(_SORTED.get(path[0], property_name(path[0])), given.get("order") != "desc")


_SORTED: Final = {"id": "_id"}


def _group_by(given: Args | None) -> GroupBy | None:
    if given is None:
        return None
    path = [one for one in given["path"] if one]
    if len(path) != 1:
        raise Invalid(f"groupBy path can only have one entry, received {len(path)}")
    if given["groups"] < 1 or given["objectsPerGroup"] < 1:
        raise Invalid("groupBy: groups and objectsPerGroup must be at least 1")
    return GroupBy(property_name(path[0]), min(given["groups"], _LARGEST), min(given["objectsPerGroup"], _LARGEST))


def _condense(given: Args | None, group_by: GroupBy | None) -> Condense | None:
    if given is None:
        return None
    if group_by is not None:
        raise Invalid("group and groupBy cannot be combined; send one of them")
    if given.get("type") is None or not 0 <= given["force"] <= 1:
        raise Invalid("group: type must be closest or merge, and force a number from 0 to 1")
    return Condense(given["force"], given["type"] == "merge")


# -- fields of hits


def _returns(selected: SelectedFields, config: CollectionConfig, on: str, info: GraphQLResolveInfo) -> Returns:
    """``on``: the type of the selected objects, which fragments may name."""
    fields = selected.fields(on)
    additional = selected.below(fields.get("_additional", ())).fields()
    hits = _hits_of_groups(selected, additional)
    selections = [fields, *(one.fields() for one in hits)]
    names = dict.fromkeys(name for one in selections for name in one if name in config.by_name)
    plain = tuple(name for name in names if config.by_name[name].data_type is not DataType.REFERENCE)
    references = [
        reference
        for name in names
        if config.by_name[name].data_type is DataType.REFERENCE
        for reference in _references(
            name, selected.below([node for one in selections for node in one.get(name, ())]), config, info
        )
    ]
    parts = [additional, *(one.below(one.fields().get("_additional", ())).fields() for one in hits)]
    vectors = [name for part in parts for name in selected.below(part.get("vectors", ())).fields()]
    asked = {name for part in parts for name in part}
    of_words = vector_for_words(config, asked)
    return Returns(
        properties=plain,
        references=tuple(references),
        vector="vector" in asked and config.unnamed_vector,
        vectors=tuple(dict.fromkeys([*(one for one in vectors if one in config.vectors), *of_words])),
        created="creationTimeUnix" in asked,
        updated="lastUpdateTimeUnix" in asked,
        distance="distance" in asked,
        certainty="certainty" in asked,
        score="score" in asked,
        explain_score="explainScore" in asked,
        is_consistent="isConsistent" in asked,
    )


def _hits_of_groups(selected: SelectedFields, additional: Mapping[str, list[FieldNode]]) -> list[SelectedFields]:
    group = selected.below(additional.get("group", ()))
    hits = group.fields().get("hits", ())
    return [group.below(hits)] if hits else []


def _references(
    property: str, selected: SelectedFields, config: CollectionConfig, info: GraphQLResolveInfo
) -> Iterator[ReferenceSelection]:
    """One for each collection that a fragment names; where the type's name is asked for, for all that there may be."""
    named = selected.conditions()
    is_named = "__typename" in selected.fields()
    configs: Mapping[str, CollectionConfig] = info.schema.extensions["collections"]
    for target in config.by_name[property].target_collections:
        kind = f"_{target}" if f"_{target}" in named else target
        declared = configs.get(target)
        if declared is not None and kind in named:
            yield ReferenceSelection(property, _returns(selected, declared, kind, info), target)
        elif is_named:
            yield ReferenceSelection(property, Returns(properties=()), target)


# -- reranking and generation


def _arguments(nodes: Sequence[FieldNode], name: str, info: GraphQLResolveInfo, kind: GraphQLObjectType) -> Args | None:
    """Those of the field ``name`` of ``_additional``; all its occurrences must agree."""
    if not nodes:
        return None
    field = kind.fields["_additional"].type.fields[name]
    first, *others = [get_argument_values(field, node, info.variable_values) for node in nodes]
    if any(one != first for one in others):
        raise Invalid(f"_additional: {name} can be requested only once, with one set of arguments")
    return first


def _rerank(nodes: Sequence[FieldNode], info: GraphQLResolveInfo, kind: GraphQLObjectType) -> Rerank | None:
    given = _arguments(nodes, "rerank", info, kind)
    if given is None:
        return None
    if not given.get("property"):
        raise Invalid("rerank: property is required")
    return Rerank(property_name(given["property"]), given.get("query") or "")


def _generate(nodes: Sequence[FieldNode], info: GraphQLResolveInfo, kind: GraphQLObjectType) -> Generate | None:
    given = _arguments(nodes, "generate", info, kind)
    if given is None:
        return None
    single, grouped = given.get("singleResult") or {}, given.get("groupedResult") or {}
    prompt, task = single.get("prompt"), grouped.get("task")
    if not prompt and not task:
        raise Invalid("generate: singleResult needs a prompt, groupedResult a task")
    sent = {one: args[one] for args in (single, grouped) for one in inputs.PROVIDERS if args.get(one) is not None}
    if len(sent) > 1:
        raise Invalid(f"generate: one provider at a time, received {' and '.join(sent)}")
    provider = next(iter(sent), None)
    parameters = {} if provider is None else _parameters(sent[provider])
    return Generate(
        Prompt(prompt, provider, parameters, debug=bool(single.get("debug"))) if prompt else None,
        Prompt(task, provider, parameters, debug=bool(grouped.get("debug"))) if task else None,
        tuple(property_name(one) for one in grouped.get("properties") or () if one),
        failures_beside=True,
    )


def _parameters(given: JsonValue) -> dict[str, JsonValue]:
    """``maxTokens`` is ``max_tokens`` to the modules."""
    if not isinstance(given, Mapping):
        raise Invalid("generate: the parameters of a provider must be an object")
    return {"".join(f"_{c.lower()}" if c.isupper() else c for c in name): value for name, value in given.items()}
