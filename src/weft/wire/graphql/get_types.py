"""The types of ``Get``: each collection's objects, with ``_additional``."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import partial
from typing import Final

import numpy as np
from graphql import (
    GraphQLField,
    GraphQLList,
    GraphQLObjectType,
    GraphQLOutputType,
    GraphQLResolveInfo,
    GraphQLUnionType,
)

from weft.domain import json_text
from weft.domain.json_values import JsonValue
from weft.domain.names import collection_name
from weft.domain.objects import Value, Vector, format_uuid
from weft.domain.schema import LEGACY_VECTOR, CollectionConfig, DataType, Property
from weft.wire.graphql import inputs
from weft.wire.graphql.items import Item
from weft.wire.graphql.scalars import BOOLEAN, FLOAT, INT, TEXT, VECTOR, texts
from weft.wire.graphql.words import fields_of_words
from weft.wire.json.objects import classified_to_json

_SHARED: Final = """
    AdditionalClassification AdditionalGenerate AdditionalGenerateDebug AdditionalGroupGroupedBy
    AdditionalReranker AggregateBooleansObj AggregateDatesObj AggregateGroupedByObj AggregateMetaObj
    AggregateNumbersObj AggregateReferencesObj AggregateTextsObj AllResultsArg Beacon BooleanWhere
    ConsistencyLevelEnum DateWhere ExploreObj FloatWhere FusionEnum GenerateParameters GeoCoordinatesObj
    GroupInpObjTypeEnum IndividualResultsArg IntWhere MovementObjectsInpObj NearAudioInpObj NearDepthInpObj
    NearIMUInpObj NearImageInpObj NearTextMove NearThermalInpObj NearVectorVectorScalar NearVideoInpObj
    PhoneNumberObj SearchOperatorEnum SearchOperatorInpObj SortOrderEnum TargetInpObj TextWhere TopOccurrencesObj
    VectorPerTarget Weights WhereGeoRangeDistanceInpObj WhereGeoRangeGeoCoordinatesInpObj WhereGeoRangeInpObj
    WhereOperatorEnum
"""
"""Types that all collections share."""
_TAKEN: Final = frozenset({"String", "DateTime", "Int", "Float", "Boolean", "ID", "FieldSet", *_SHARED.split()})
_NAME = re.compile(r"[_A-Za-z][_0-9A-Za-z]*")
_SCALARS: Final = {DataType.INT: INT, DataType.NUMBER: FLOAT, DataType.BOOLEAN: BOOLEAN}
"""Every other value is text."""
GEO: Final = GraphQLObjectType("GeoCoordinatesObj", {"latitude": GraphQLField(FLOAT), "longitude": GraphQLField(FLOAT)})
PHONE: Final = GraphQLObjectType(
    "PhoneNumberObj",
    {
        "input": GraphQLField(TEXT),
        "internationalFormatted": GraphQLField(TEXT),
        "nationalFormatted": GraphQLField(TEXT),
        "national": GraphQLField(INT),
        "valid": GraphQLField(BOOLEAN),
        "countryCode": GraphQLField(INT),
        "defaultCountry": GraphQLField(TEXT),
    },
)
_CLASSIFICATION: Final = GraphQLObjectType(
    "AdditionalClassification",
    {
        "id": GraphQLField(TEXT),
        "basedOn": GraphQLField(texts()),
        "scope": GraphQLField(texts()),
        "classifiedFields": GraphQLField(texts()),
        "completed": GraphQLField(TEXT),
    },
)
_RERANK: Final = GraphQLObjectType("AdditionalReranker", {"score": GraphQLField(FLOAT)})
_DEBUG: Final = GraphQLObjectType("AdditionalGenerateDebug", {"prompt": GraphQLField(TEXT)})
_GENERATE: Final = GraphQLObjectType(
    "AdditionalGenerate",
    {
        "singleResult": GraphQLField(TEXT),
        "groupedResult": GraphQLField(TEXT),
        "error": GraphQLField(TEXT),
        "debug": GraphQLField(_DEBUG),
    },
)
_GROUPED_BY: Final = GraphQLObjectType(
    "AdditionalGroupGroupedBy", {"path": GraphQLField(texts()), "value": GraphQLField(TEXT)}
)
_BEACON: Final = GraphQLObjectType("Beacon", {"beacon": GraphQLField(TEXT)})


def is_name(name: str) -> bool:
    """Whether ``name`` is a valid GraphQL name."""
    return _NAME.fullmatch(name) is not None


def type_name(collection: str) -> str:
    """The name of a collection's object type, as the protocol has it; a fragment names it."""
    return f"_{collection}" if collection in _TAKEN else collection


class GetTypes:
    """The object types of some collections, which may refer to each other.

    Collections that these refer to, but that the request does not name, have a type with only ``_additional.id``.
    """

    def __init__(self, configs: Mapping[str, CollectionConfig], name: inputs.Name) -> None:
        self._configs = configs
        self._name = name
        self._types: dict[str, GraphQLObjectType] = {}

    def of(self, collection: str) -> GraphQLObjectType:
        found = self._types.get(collection)
        if found is None:
            config = self._configs.get(collection)
            if config is None:
                fields = partial(_bare, self._name(f"{collection}Additional"))
            else:
                fields = partial(self._all, config)
            found = self._types[collection] = GraphQLObjectType(
                type_name(collection), fields, description=None if config is None else config.description
            )
        return found

    def _all(self, config: CollectionConfig) -> dict[str, GraphQLField]:
        """Of the properties, and ``_additional``."""
        fields = self._properties(config)
        group = self._group(config, fields)
        additional = GraphQLObjectType(self._name(f"{config.name}Additional"), partial(self._additional, config, group))
        return {**fields, "_additional": GraphQLField(additional, resolve=_itself)}

    def _properties(self, config: CollectionConfig) -> dict[str, GraphQLField]:
        fields: dict[str, GraphQLField] = {}
        for one in config.properties:
            if not is_name(one.name):
                continue
            if one.data_type is DataType.REFERENCE:
                union = self._union(config, one)
                if union is not None:
                    fields[one.name] = GraphQLField(GraphQLList(union), resolve=_reference, description=one.description)
                continue
            kind = self._kind(one, f"{config.name}_{one.name}")
            if kind is not None:
                fields[one.name] = GraphQLField(kind, resolve=_property, description=one.description)
        return fields

    def _kind(self, one: Property, path: str) -> GraphQLOutputType | None:
        """None for an object without fields."""
        kind: GraphQLOutputType
        match one.data_type.element:
            case DataType.GEO:
                kind = GEO
            case DataType.PHONE:
                kind = PHONE
            case DataType.OBJECT:
                found = {inner.name: self._kind(inner, f"{path}_{inner.name}") for inner in one.nested}
                fields = {key: GraphQLField(value) for key, value in found.items() if value is not None}
                fields = {key: value for key, value in fields.items() if is_name(key)}
                if not fields:
                    return None
                kind = GraphQLObjectType(self._name(f"{path}_object"), fields)
            case element:
                kind = _SCALARS.get(element, TEXT)
        return GraphQLList(kind) if one.data_type.is_array else kind

    def _union(self, config: CollectionConfig, one: Property) -> GraphQLUnionType | None:
        targets = [target for target in one.target_collections if is_name(target)]
        if not targets:
            return None
        capitalized = collection_name(one.name)
        return GraphQLUnionType(
            self._name(f"{config.name}{capitalized}Obj"),
            lambda: [*(self.of(target) for target in targets), _BEACON],
            resolve_type=lambda item, *_: self.of(item.config.name).name,
        )

    def _additional(self, config: CollectionConfig, group: GraphQLObjectType) -> dict[str, GraphQLField]:
        fields = {
            "id": GraphQLField(TEXT, resolve=_id),
            "vector": GraphQLField(VECTOR, resolve=_vector),
            "creationTimeUnix": GraphQLField(TEXT, resolve=lambda item, _: str(item.hit.record.created_ms)),
            "lastUpdateTimeUnix": GraphQLField(TEXT, resolve=lambda item, _: str(item.hit.record.updated_ms)),
            "distance": GraphQLField(FLOAT, resolve=_distance),
            "certainty": GraphQLField(FLOAT, resolve=lambda item, _: item.hit.certainty),
            "score": GraphQLField(TEXT, resolve=_score),
            "explainScore": GraphQLField(TEXT, resolve=lambda item, _: item.hit.explain or ""),
            "isConsistent": GraphQLField(BOOLEAN, resolve=lambda *_: True),
            "classification": GraphQLField(_CLASSIFICATION, resolve=_classification),
            "rerank": GraphQLField(GraphQLList(_RERANK), args=inputs.of_rerank(), resolve=_rerank),
            "generate": GraphQLField(_GENERATE, args=inputs.of_generate(), resolve=_generate),
            "group": GraphQLField(group, resolve=_group),
            **fields_of_words(self._name, config),
        }
        vectors = self._vectors(config)
        return fields if vectors is None else {**fields, "vectors": vectors}

    def _vectors(self, config: CollectionConfig) -> GraphQLField | None:
        names = [name for name in config.named_vectors if is_name(name)]
        if not names:
            return None
        fields = {name: GraphQLField(VECTOR, resolve=_named_vector) for name in names}
        return GraphQLField(GraphQLObjectType(self._name(f"{config.name}AdditionalVectors"), fields), resolve=_itself)

    def _group(self, config: CollectionConfig, properties: Mapping[str, GraphQLField]) -> GraphQLObjectType:
        prefix = f"{config.name}AdditionalGroup"
        additional = {
            "id": GraphQLField(TEXT, resolve=_id),
            "vector": GraphQLField(VECTOR, resolve=_vector),
            "distance": GraphQLField(FLOAT, resolve=_distance),
        }
        vectors = self._vectors(config)
        if vectors is not None:
            vectors = GraphQLField(
                GraphQLObjectType(self._name(f"{prefix}HitsAdditionalVectors"), dict(vectors.type.fields)),  # type: ignore[union-attr]
                resolve=_itself,
            )
            additional["vectors"] = vectors
        of_hit = GraphQLObjectType(self._name(f"{prefix}HitsAdditional"), additional)
        hit = GraphQLObjectType(
            self._name(f"{prefix}Hits"), {**properties, "_additional": GraphQLField(of_hit, resolve=_itself)}
        )
        return GraphQLObjectType(
            self._name(prefix),
            {
                "id": GraphQLField(INT),
                "groupedBy": GraphQLField(_GROUPED_BY),
                "minDistance": GraphQLField(FLOAT),
                "maxDistance": GraphQLField(FLOAT),
                "count": GraphQLField(INT),
                "hits": GraphQLField(GraphQLList(hit)),
            },
        )


def _bare(name: str) -> dict[str, GraphQLField]:
    additional = GraphQLObjectType(name, {"id": GraphQLField(TEXT, resolve=_id)})
    return {"_additional": GraphQLField(additional, resolve=_itself)}


# -- resolvers; the source of each is an Item


def _itself(item: Item, _: GraphQLResolveInfo) -> Item:
    return item


def _property(item: Item, info: GraphQLResolveInfo) -> Value:
    return item.values.get(info.field_name)


def _reference(item: Item, info: GraphQLResolveInfo) -> list[Item] | None:
    return item.linked(info.field_name)


def _id(item: Item, _: GraphQLResolveInfo) -> str:
    return format_uuid(item.hit.record.uuid)


def _vector(item: Item, _: GraphQLResolveInfo) -> Vector | None:
    """The unnamed vector; one that has a name is in ``vectors``."""
    return item.hit.vectors.get(LEGACY_VECTOR) if item.config.unnamed_vector else None


def _named_vector(item: Item, info: GraphQLResolveInfo) -> Vector | None:
    return item.hit.vectors.get(info.field_name)


def _distance(item: Item, _: GraphQLResolveInfo) -> float | None:
    """With the digits of a float32, which is what gRPC sends."""
    distance = item.hit.distance
    return None if distance is None else json_text.single(distance)


def _score(item: Item, _: GraphQLResolveInfo) -> str:
    """As text, with the digits of a float32, which is what gRPC sends."""
    return str(np.float32(item.hit.score or 0.0)).removesuffix(".0")


def _classification(item: Item, _: GraphQLResolveInfo) -> dict[str, JsonValue] | None:
    classified = item.hit.record.classified
    return None if classified is None else classified_to_json(classified)


def _rerank(item: Item, _: GraphQLResolveInfo, **__: object) -> list[dict[str, float]] | None:
    score = item.hit.rerank_score
    return None if score is None else [{"score": score}]


def _generate(item: Item, _: GraphQLResolveInfo, **__: object) -> dict[str, object]:
    prompt = None if item.details is None else item.details.full_prompt
    return {
        "singleResult": item.single_result,
        "groupedResult": item.grouped_result,
        "error": item.problem,
        "debug": None if prompt is None else {"prompt": prompt},
    }


def _group(item: Item, _: GraphQLResolveInfo) -> dict[str, object] | None:
    return item.group
