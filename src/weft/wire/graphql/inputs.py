"""The arguments of searches as GraphQL types. Object types are named for their collection as clients know them;
enumerations, scalars and what else never differs is one for all.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Final

from graphql import (
    GraphQLArgument,
    GraphQLEnumType,
    GraphQLInputField,
    GraphQLInputObjectType,
    GraphQLInputType,
    GraphQLList,
)
from graphql import GraphQLNonNull as Required

from weft.domain.filters import Operator
from weft.domain.query import Combination, Fusion, MatchOperator, MediaKind
from weft.protocol import generative
from weft.wire.graphql.scalars import (
    BOOLEAN,
    BOOLEAN_VALUE,
    DATE_VALUE,
    FLOAT,
    INT,
    INT_VALUE,
    NUMBER_VALUE,
    PARAMETERS,
    TEXT,
    TEXT_VALUE,
    VECTOR,
    VECTORS,
    WEIGHTS,
    texts,
)

Name = Callable[[str], str]
"""Gives a type its name, another one when that is taken."""

MEDIA: Final[Mapping[str, MediaKind]] = {
    "nearIMU" if kind is MediaKind.IMU else f"near{kind.value.title()}": kind for kind in MediaKind
}
"""The argument for each kind of media."""

PROVIDERS: Final = tuple(one.name for one in generative.GenerativeProvider.DESCRIPTOR.oneofs_by_name["kind"].fields)
"""Those whose parameters a request may set, as the protocol spells them."""


def _enum(name: str, values: list[str]) -> GraphQLEnumType:
    return GraphQLEnumType(name, {value: value for value in values})


_OPERATOR = _enum("WhereOperatorEnum", ["And", "Or", "Not", *(one.value for one in Operator)])
_FUSION = _enum("FusionEnum", [one.value for one in Fusion])
_COMBINATION = _enum("targetCombinationEnum", [one.value for one in Combination])
_MATCH = _enum("SearchOperatorEnum", [one.value for one in MatchOperator])
_ORDER = _enum("SortOrderEnum", ["asc", "desc"])
_ALIKE = _enum("GroupInpObjTypeEnum", ["closest", "merge"])
CONSISTENCY: Final = _enum("ConsistencyLevelEnum", ["ONE", "QUORUM", "ALL"])


def _object(
    name: str, fields: Mapping[str, GraphQLInputType] | Callable[[], Mapping[str, GraphQLInputType]]
) -> GraphQLInputObjectType:
    def made() -> dict[str, GraphQLInputField]:
        given = fields() if callable(fields) else fields
        return {key: GraphQLInputField(kind) for key, kind in given.items()}

    return GraphQLInputObjectType(name, made)


_GEO_RANGE = _object(
    "WhereGeoRangeInpObj",
    {
        "geoCoordinates": Required(
            _object("WhereGeoRangeGeoCoordinatesInpObj", {"latitude": Required(FLOAT), "longitude": Required(FLOAT)})
        ),
        "distance": Required(_object("WhereGeoRangeDistanceInpObj", {"max": Required(FLOAT)})),
    },
)
_MATCHING = _object("SearchOperatorInpObj", {"operator": _MATCH, "minimumOrTokensMatch": INT})
_MOVED_OBJECT = _object("MovementObjectsInpObj", {"id": TEXT, "beacon": TEXT})
_MOVE = _object("NearTextMove", {"concepts": texts(), "objects": GraphQLList(_MOVED_OBJECT), "force": Required(FLOAT)})
_TARGETS = _object("TargetInpObj", {"targetVectors": texts(), "combinationMethod": _COMBINATION, "weights": WEIGHTS})
_LIMITS: Final[dict[str, GraphQLInputType]] = {
    "certainty": FLOAT,
    "distance": FLOAT,
    "targetVectors": texts(),
    "targets": _TARGETS,
}

_OF_MEDIA: Final = {
    argument: _object(f"N{argument[1:]}InpObj", {kind.value: Required(TEXT), **_LIMITS})
    for argument, kind in MEDIA.items()
}
_PARAMETERS: Final[dict[str, GraphQLInputType]] = dict.fromkeys(PROVIDERS, PARAMETERS)
_SINGLE_RESULT = _object("IndividualResultsArg", {"prompt": TEXT, "debug": BOOLEAN, **_PARAMETERS})
_GROUPED_RESULT = _object("AllResultsArg", {"task": TEXT, "properties": texts(), "debug": BOOLEAN, **_PARAMETERS})


def _where(name: Name, prefix: str) -> GraphQLInputObjectType:
    def fields(inner: GraphQLInputObjectType) -> dict[str, GraphQLInputType]:
        return {
            "operator": _OPERATOR,
            "path": texts(),
            "operands": GraphQLList(inner),
            "valueText": TEXT_VALUE,
            "valueString": TEXT_VALUE,
            "valueDate": DATE_VALUE,
            "valueInt": INT_VALUE,
            "valueNumber": NUMBER_VALUE,
            "valueBoolean": BOOLEAN_VALUE,
            "valueGeoRange": _GEO_RANGE,
        }

    operands = _object(name(f"{prefix}WhereOperandsInpObj"), lambda: fields(operands))
    return _object(name(f"{prefix}WhereInpObj"), partial(fields, operands))


def _near_vector(name: str) -> GraphQLInputObjectType:
    return _object(name, {"vector": VECTOR, "vectorPerTarget": VECTORS, **_LIMITS})


def _near_text(name: str) -> GraphQLInputObjectType:
    return _object(
        name,
        {"concepts": Required(texts()), "moveTo": _MOVE, "moveAwayFrom": _MOVE, "autocorrect": BOOLEAN, **_LIMITS},
    )


def _keyword(name: str) -> GraphQLInputObjectType:
    return _object(name, {"query": TEXT, "properties": texts(), "searchOperator": _MATCHING})


def _hybrid(name: Name, prefix: str) -> GraphQLInputObjectType:
    inner = name(f"{prefix}SubSearchSearchesInpObj")
    searches = _object(
        inner,
        {
            "nearText": _near_text(name(f"{prefix}SubSearchNearTextInpObj")),
            "nearVector": _near_vector(name(f"{prefix}SubSearchNearVectorInpObj")),
        },
    )
    return _object(
        name(f"{prefix}HybridInpObj"),
        {
            "query": TEXT,
            "alpha": FLOAT,
            "maxVectorDistance": FLOAT,
            "vector": VECTOR,
            "properties": texts(),
            "fusionType": _FUSION,
            "targetVectors": texts(),
            "targets": _TARGETS,
            "bm25SearchOperator": _MATCHING,
            "searches": GraphQLList(searches),
        },
    )


def near(name: Name, prefix: str) -> dict[str, GraphQLArgument]:
    """The searches that ``Explore`` has too: by vector, object, text and media."""
    found = {
        "nearVector": _near_vector(name(f"{prefix}NearVectorInpObj")),
        "nearObject": _object(name(f"{prefix}NearObjectInpObj"), {"id": TEXT, "beacon": TEXT, **_LIMITS}),
        "nearText": _near_text(name(f"{prefix}NearTextInpObj")),
    }
    return {key: GraphQLArgument(kind) for key, kind in (found | _OF_MEDIA).items()}


def of_get(name: Name, collection: str) -> dict[str, GraphQLArgument]:
    """The arguments of a collection in ``Get``."""
    prefix = f"GetObjects{collection}"
    sort = _object(name(f"{prefix}SortInpObj"), {"path": texts(), "order": _ORDER})
    group: dict[str, GraphQLInputType] = {
        "path": Required(texts()),
        "groups": Required(INT),
        "objectsPerGroup": Required(INT),
    }
    kinds: dict[str, GraphQLInputType] = {
        "where": _where(name, prefix),
        "bm25": _keyword(name(f"{prefix}HybridGetBm25InpObj")),
        "hybrid": _hybrid(name, prefix),
        "limit": INT,
        "offset": INT,
        "after": TEXT,
        "autocut": INT,
        "sort": GraphQLList(sort),
        "groupBy": _object(name(f"{prefix}GroupByInpObj"), group),
        "group": _object(name(f"{prefix}GroupInpObj"), {"type": _ALIKE, "force": Required(FLOAT)}),
        "tenant": TEXT,
        "consistencyLevel": CONSISTENCY,
    }
    return {**near(name, prefix), **{key: GraphQLArgument(kind) for key, kind in kinds.items()}}


def of_aggregate(name: Name, collection: str) -> dict[str, GraphQLArgument]:
    """The arguments of a collection in ``Aggregate``."""
    prefix = f"AggregateObjects{collection}"
    kinds: dict[str, GraphQLInputType] = {
        "where": _where(name, prefix),
        "bm25": _keyword(name(f"{prefix}Bm25InpObj")),
        "hybrid": _hybrid(name, prefix),
        "limit": INT,
        "objectLimit": INT,
        "groupBy": texts(),
        "tenant": TEXT,
    }
    return {**near(name, prefix), **{key: GraphQLArgument(kind) for key, kind in kinds.items()}}


def of_generate() -> dict[str, GraphQLArgument]:
    return {"singleResult": GraphQLArgument(_SINGLE_RESULT), "groupedResult": GraphQLArgument(_GROUPED_RESULT)}


def of_rerank() -> dict[str, GraphQLArgument]:
    return {"query": GraphQLArgument(TEXT), "property": GraphQLArgument(TEXT)}
