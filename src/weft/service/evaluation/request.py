"""What an evaluation is asked: queries with the objects that answer them, and the ways to search that are tried."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

import numpy as np

from weft.domain.errors import NotFound
from weft.domain.json_values import JsonObject
from weft.domain.objects import Vector
from weft.domain.query import Fusion, MediaKind
from weft.evaluation.measures import Measure
from weft.evaluation.variant import SearchBy, Variant, VectorChoice

MEASURES: Final = ("nDCG@10", "RR@10", "R@10", "Success@1")
ALPHAS: Final = (0.25, 0.5, 0.75)
SAMPLE: Final = 2_000
MADE_QUERIES: Final = 200
"""How many are made of the data, if the request does not say it."""

MOST_QUERIES: Final = 5_000
MOST_JUDGED: Final = 500_000
"""Relevant objects of all queries together."""
MOST_VARIANTS: Final = 200
MOST_SAMPLED: Final = 100_000
MOST_MEASURES: Final = 20
MOST_NAME_CHARS: Final = 200


@dataclass(frozen=True, slots=True)
class JudgedQuery:
    """``text``, or ``media`` as base64, or a ``vector``, ``(d,)`` or ``(Tq, d)``, that is compared with whichever
    vectors a variant searches; a text may be there beside the others, for the keywords. ``relevant``: by uuid in its
    usual form the grade of each object that answers the query; 0: it does not."""

    id: str
    relevant: Mapping[str, float]
    text: str = ""
    kind: MediaKind | None = None
    media: str = ""
    vector: Vector | None = None

    @property
    def label(self) -> str:
        """The query for people."""
        return self.text or (f"({self.kind})" if self.kind is not None else "(vector)")

    def to_json(self) -> JsonObject:
        return {
            "id": self.id,
            "relevant": dict(self.relevant),
            "text": self.text,
            **({} if self.kind is None else {self.kind.value: self.media}),
            **({} if self.vector is None else {"vector": self.vector.tolist()}),
        }

    @classmethod
    def of_json(cls, given: Mapping[str, Any]) -> JudgedQuery:
        kind = next((one for one in MediaKind if one.value in given), None)
        vector = given.get("vector")
        return cls(
            given["id"],
            given["relevant"],
            given["text"],
            kind,
            given[kind.value] if kind is not None else "",
            None if vector is None else np.asarray(vector, np.float32),
        )


class Making(StrEnum):
    """How queries are made of the data: the text of a property finds its own object."""

    KNOWN_ITEM = "knownItem"
    """Among texts: the property is left out of what is searched by keyword, and of what new models embed."""
    CAPTIONS = "captions"
    """Among media: only vectors that are made of media are searched."""


@dataclass(frozen=True, slots=True)
class MadeQueries:
    """``count`` queries of the texts of ``property``."""

    making: Making
    property: str
    count: int = MADE_QUERIES


@dataclass(frozen=True, slots=True)
class OtherModel:
    """A module and its settings, which the collection need not have: they are tried on a sample."""

    module: str
    settings: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Grid:
    """What is combined to variants. None: what the collection has. ``alphas`` empty: no hybrids. ``rerank_property``:
    the text that rerankers read; empty: the first one of the collection."""

    vectors: tuple[str, ...] | None = None
    models: tuple[OtherModel, ...] = ()
    keyword: bool | None = None
    alphas: tuple[float, ...] | None = None
    fusions: tuple[Fusion, ...] = (Fusion.RELATIVE_SCORE,)
    rerankers: tuple[str, ...] = ()
    rerank_property: str = ""
    quantizers: tuple[str, ...] = ()
    ef: tuple[int, ...] = ()
    pooling: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class NewEvaluation:
    """``queries`` are given, or ``made`` of the data. ``sample``: of how many objects a copy is searched, where the
    collection itself cannot be, because something of it would be different."""

    collection: str
    queries: Sequence[JudgedQuery] = ()
    made: MadeQueries | None = None
    tenant: str | None = None
    name: str = ""
    measures: tuple[Measure, ...] = tuple(Measure.parse(one) for one in MEASURES)
    grid: Grid = Grid()
    sample: int = SAMPLE


@dataclass(frozen=True, slots=True)
class EvaluationPlan:
    """What a job does. Its queries, which may be large, are in the store. ``settings``: of other models, by the label
    of their vectors. ``rerank_property``: see ``Grid``."""

    collection: str
    tenant: str | None
    made: MadeQueries | None
    measures: tuple[Measure, ...]
    variants: tuple[Variant, ...]
    models: Mapping[str, OtherModel]
    rerank_property: str
    sample: int

    @property
    def depth(self) -> int:
        """How many hits are looked at."""
        return max(one.cutoff for one in self.measures)

    @property
    def needs_sample(self) -> bool:
        return any(one.vector is not None and not one.vector.is_stored for one in self.variants)

    def to_json(self) -> JsonObject:
        made = self.made
        return {
            "collection": self.collection,
            "tenant": self.tenant,
            "made": None if made is None else [made.making.value, made.property, made.count],
            "measures": [str(one) for one in self.measures],
            "variants": [variant_to_json(one) for one in self.variants],
            "models": {label: [one.module, dict(one.settings)] for label, one in self.models.items()},
            "rerankProperty": self.rerank_property,
            "sample": self.sample,
        }

    @classmethod
    def of_json(cls, given: Mapping[str, Any]) -> EvaluationPlan:
        made = given["made"]
        return cls(
            given["collection"],
            given["tenant"],
            None if made is None else MadeQueries(Making(made[0]), made[1], made[2]),
            tuple(Measure.parse(one) for one in given["measures"]),
            tuple(variant_of_json(one) for one in given["variants"]),
            {label: OtherModel(module, settings) for label, (module, settings) in given["models"].items()},
            given["rerankProperty"],
            given["sample"],
        )


def variant_to_json(variant: Variant) -> JsonObject:
    """With its name, and what it is made of, as far as it has that."""
    choice = variant.vector
    parts: dict[str, Any] = {"name": variant.name, "by": variant.by.value}
    if choice is not None:
        stated = {
            "vector": choice.name,
            "module": choice.module,
            "model": choice.model,
            "quantizer": choice.quantizer,
            "ef": choice.ef,
            "pooling": choice.pooling,
        }
        parts |= {key: value for key, value in stated.items() if value}
    if variant.by is SearchBy.HYBRID:
        parts |= {"alpha": variant.alpha, "fusion": variant.fusion.value}
    return parts | ({"reranker": variant.reranker} if variant.reranker else {})


def variant_of_json(given: Mapping[str, Any]) -> Variant:
    by = SearchBy(given["by"])
    choice = VectorChoice(
        given.get("vector", ""),
        given.get("module", ""),
        given.get("model", ""),
        given.get("quantizer", ""),
        given.get("ef", 0),
        given.get("pooling", 0),
    )
    return Variant(
        by,
        None if by is SearchBy.KEYWORD else choice,
        given.get("alpha", 0.0),
        Fusion(given.get("fusion", Fusion.RELATIVE_SCORE)),
        given.get("reranker", ""),
    )


def unknown_evaluation(id: str) -> NotFound:
    return NotFound(f"there is no evaluation {id[:80]!r}; GET /v1/weft/evaluations lists them", id=id)
