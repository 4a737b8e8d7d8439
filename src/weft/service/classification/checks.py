"""Which classifications of a collection are possible; the refusals begin as Weaviate's."""

from __future__ import annotations

from weft.domain.errors import Invalid
from weft.domain.query import Targets
from weft.domain.schema import CollectionConfig, DataType, VectorConfig
from weft.modules.base import Lexicon
from weft.modules.registry import Registry
from weft.service.classification.request import CONTEXTUAL, KNN, ZERO_SHOT, NewClassification
from weft.service.search.targets import resolve

_LEXICON = "text2vec-contextionary"
_KINDS = (KNN, ZERO_SHOT, CONTEXTUAL)


def check(config: CollectionConfig, asked: NewClassification) -> None:
    """Raises Invalid."""
    try:
        _check_kind(asked)
        _check_based_on(config, asked.based_on)
        _check_properties(config, asked)
    except Invalid as error:
        raise Invalid(f"invalid classification: {error.message}") from None


def vector_of(config: CollectionConfig) -> VectorConfig:
    """The vector that classifications compare: the unnamed one, or the only one. Raises Invalid."""
    (vector,) = resolve(config, Targets())
    if vector.index.multivector is not None:
        raise Invalid(
            f"vector {vector.public_name!r} of class {config.name} is a multi-vector; classifying needs a single one"
        )
    return vector


def lexicon_of(registry: Registry) -> Lexicon:
    """Raises Invalid if it is not enabled."""
    module = registry.get(_LEXICON)
    assert isinstance(module, Lexicon)
    return module


def check_vectors(config: CollectionConfig, registry: Registry) -> None:
    """Raises Invalid unless the words of texts can be compared with the vectors of the collection."""
    vector = vector_of(config)
    if vector.vectorizer != _LEXICON:
        raise Invalid(
            f"type '{CONTEXTUAL}' needs vectors of {_LEXICON}, those of class {config.name} are of {vector.vectorizer}"
        )
    lexicon_of(registry)


def _check_kind(asked: NewClassification) -> None:
    if asked.kind not in _KINDS:
        raise Invalid(f"there is no type {asked.kind[:80]!r}; use one of {', '.join(_KINDS)}")
    if asked.kind != KNN and asked.training is not None:
        raise Invalid(
            f"type is '{asked.kind}', but 'trainingSetWhere' filter is set, for '{asked.kind}' there is no training "
            "data, instead limit possible target data directly through setting 'targetWhere'"
        )
    if asked.kind == KNN and asked.target is not None:
        raise Invalid(
            f"type is '{KNN}', but 'targetWhere' filter is set, for '{KNN}' you cannot limit target data directly, "
            "instead limit training data through setting 'trainingSetWhere'"
        )


def _check_based_on(config: CollectionConfig, names: tuple[str, ...]) -> None:
    if not names:
        raise Invalid("basedOnProperties must have at least one property")
    if len(names) > 1:
        listed = " ".join(names)
        raise Invalid(f"only a single property in basedOnProperties supported at the moment, got [{listed}]")
    (name,) = names
    declared = config.by_name.get(name)
    if declared is None:
        raise Invalid(f"basedOnProperties: property '{name}' does not exist")
    if declared.data_type is not DataType.TEXT:
        raise Invalid(f"basedOnProperties: property '{name}' must be of type 'text'")


def _check_properties(config: CollectionConfig, asked: NewClassification) -> None:
    if not asked.properties:
        raise Invalid("classifyProperties must have at least one property")
    for name in asked.properties:
        declared = config.by_name.get(name)
        if declared is None:
            raise Invalid(f"classifyProperties: property '{name}' does not exist")
        if declared.data_type is not DataType.REFERENCE:
            raise Invalid(f"classifyProperties: property '{name}' must be of reference type (cref)")
        if asked.kind == CONTEXTUAL and len(declared.target_collections) > 1:
            raise Invalid(
                f"classifyProperties: property '{name}' has more than one target class, classification of type "
                f"'{CONTEXTUAL}' requires exactly one target class"
            )
