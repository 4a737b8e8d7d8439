"""From what a request combines to the variants that are tried, with what the collection has in place of what is not
stated. Everything that can be refused is refused here, before anything runs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import product

from weft.domain.errors import Invalid
from weft.domain.json_fields import check_size
from weft.domain.schema import CENTROID_MODULE, CollectionConfig, DataType, QuantizerKind, VectorConfig
from weft.evaluation.variant import SearchBy, Variant, VectorChoice
from weft.modules.base import TEXT, Vectorizer
from weft.modules.inputs import embedded_properties, is_multimodal
from weft.modules.registry import Registry
from weft.service.evaluation.request import (
    ALPHAS,
    MOST_VARIANTS,
    EvaluationPlan,
    Grid,
    JudgedQuery,
    Making,
    NewEvaluation,
    OtherModel,
)
from weft.service.schema.vector_index.blocks import MAX_POOLING

_MEDIA_FIELDS = ("imageFields", "audioFields", "videoFields", "depthFields", "thermalFields", "imuFields")
_QUANTIZERS = tuple(kind.value for kind in QuantizerKind)
_MOST_EF = 10_000
_TEXTS = (DataType.TEXT, DataType.TEXT_ARRAY)


def plan_of(config: CollectionConfig, registry: Registry, asked: NewEvaluation) -> EvaluationPlan:
    """Raises Invalid."""
    return _Planning(config, registry, asked).plan()


class _Planning:
    def __init__(self, config: CollectionConfig, registry: Registry, asked: NewEvaluation) -> None:
        self._config = config
        self._registry = registry
        self._asked = asked
        self._grid: Grid = asked.grid
        self._by_captions = asked.made is not None and asked.made.making is Making.CAPTIONS
        self._all_texts = all(query.text for query in asked.queries)

    def plan(self) -> EvaluationPlan:
        if self._asked.made is not None:
            self._check_text(self._asked.made.property)
        models = {choice.label: model for choice, model in self._models()}
        variants = tuple(self._variants())
        names = [one.name for one in variants]
        if double := next((name for name in names if names.count(name) > 1), ""):
            raise Invalid(f"two of the ways to search are called {double!r}; leave one of them out")
        if not variants:
            vectors = [f"vector {one.name!r} {self._reason_against(one)}" for one in self._config.vectors.values()]
            raise Invalid(
                f"there is no way to search class {self._config.name} with these queries: "
                f"{'; '.join(vectors) or 'it has no vectors'}; to try models that it does not have, name them"
            )
        if len(variants) > MOST_VARIANTS:
            raise Invalid(f"{len(variants)} ways to search are more than the {MOST_VARIANTS} of one evaluation")
        asked = self._asked
        return EvaluationPlan(
            self._config.name,
            asked.tenant,
            asked.made,
            asked.measures,
            variants,
            models,
            self._rerank_property() if self._grid.rerankers else "",
            asked.sample,
        )

    def _variants(self) -> Iterator[Variant]:
        keyword, choices = self._by_keyword(), [*self._choices()]
        rerankers = ("", *self._rerankers())
        if keyword:
            yield from (Variant(SearchBy.KEYWORD, reranker=one) for one in rerankers)
        yield from (Variant(SearchBy.VECTOR, choice, reranker=one) for choice, one in product(choices, rerankers))
        alphas = self._alphas() if keyword or self._grid.alphas else ()
        for choice, alpha, fusion, reranker in product(choices, alphas, self._grid.fusions, rerankers):
            yield Variant(SearchBy.HYBRID, choice, alpha, fusion, reranker)

    # -- keywords

    def _by_keyword(self) -> bool:
        stated = self._grid.keyword
        why = ""
        if not any(one.index_searchable for one in self._config.properties):
            why = f"no property of class {self._config.name} is searchable"
        elif not self._all_texts:
            why = "not all queries have a text"
        elif self._by_captions:
            why = "captions would find themselves"
        if why and (stated or self._grid.alphas):
            raise Invalid(f"keywords cannot be searched: {why}; leave out keyword and alphas")
        return not why and stated is not False

    def _alphas(self) -> Sequence[float]:
        alphas = ALPHAS if self._grid.alphas is None else self._grid.alphas
        for alpha in alphas:
            if not 0 <= alpha <= 1:
                raise Invalid(f"an alpha must be from 0 (keywords alone) to 1 (vectors alone), not {alpha:g}")
        return tuple(dict.fromkeys(alphas))

    # -- vectors

    def _choices(self) -> Iterator[VectorChoice]:
        """The stored vectors and the other models, each with every index that is asked for."""
        sources = [
            *((VectorChoice(one.public_name), one.index.multivector is not None) for one in self._stored()),
            *((choice, self._registry.is_multi_vector(choice.module)) for choice, _ in self._models()),
        ]
        for name in self._grid.quantizers:
            if name not in _QUANTIZERS:
                raise Invalid(f"there is no quantizer {name[:40]!r}; choose of {', '.join(_QUANTIZERS)}")
        for name, numbers, most in (("ef", self._grid.ef, _MOST_EF), ("pooling", self._grid.pooling, MAX_POOLING)):
            if wrong := [number for number in numbers if not 1 <= number <= most]:
                raise Invalid(f"{name} must be from 1 to {most}, not {wrong[0]}")
        quantizers, efs = self._grid.quantizers or ("",), self._grid.ef or (0,)
        for (source, is_multi), quantizer, ef in product(sources, quantizers, efs):
            for pooling in (self._grid.pooling if is_multi else ()) or (0,):
                yield VectorChoice(source.name, source.module, source.model, quantizer, ef, pooling)

    def _stored(self) -> Iterator[VectorConfig]:
        stated = self._grid.vectors
        for name in stated or ():
            if name not in self._config.vectors:
                known = ", ".join(self._config.vectors) or "none"
                raise Invalid(f"class {self._config.name} has no vector {name[:80]!r}; it has {known}")
        for vector in self._config.vectors.values():
            if stated is None and not self._can_search(vector):
                continue
            if stated is None or vector.public_name in stated:
                if reason := self._reason_against(vector):
                    raise Invalid(f"vector {vector.public_name!r} of class {self._config.name} {reason}")
                yield vector

    def _can_search(self, vector: VectorConfig) -> bool:
        return not self._reason_against(vector)

    def _reason_against(self, vector: VectorConfig) -> str:
        """Why the queries cannot be compared with it; empty if they can."""
        if vector.index.is_dropped or vector.index.skip:
            return "has no index, so nothing finds by it"
        if self._by_captions and not any(vector.settings.get(key) for key in _MEDIA_FIELDS):
            return "is not made of media; captions are searched among media"
        if all(query.vector is not None for query in self._asked.queries) and self._asked.made is None:
            return ""
        if vector.vectorizer in ("none", CENTROID_MODULE) or not self._registry.knows(vector.vectorizer):
            return "is made by no module of this server, so that no query can be embedded; give the queries as vectors"
        return self._lacking(self._registry.vectorizer(vector.vectorizer))

    def _lacking(self, module: Vectorizer) -> str:
        queries = (query for query in self._asked.queries if query.vector is None)
        kinds = {TEXT if query.kind is None else query.kind.value for query in queries}
        lacking = sorted(kinds - {str(kind) for kind in module.kinds})
        return f"is made by {module.name}, which does not embed {', '.join(lacking)}" if lacking else ""

    def _models(self) -> Iterator[tuple[VectorChoice, OtherModel]]:
        for model in self._grid.models:
            module = self._registry.vectorizer(model.module)
            if reason := self._lacking(module):
                raise Invalid(f"a vector of these queries {reason}")
            settings = {**self._fields_for(module), **model.settings}
            check_size(settings, f"the settings of {model.module}")
            module.check_settings(settings)
            name = next((str(settings[key]) for key in ("model", "modelId", "path") if settings.get(key)), "")
            yield VectorChoice(module=model.module, model=name), OtherModel(model.module, settings)

    def _fields_for(self, module: Vectorizer) -> Mapping[str, object]:
        """What a new model embeds of an object: as a vector of the same kind of module does, if there is one; of texts
        not what a known item is found by."""
        if not module.name.startswith("text2"):
            alike = next((one for one in self._config.vectors.values() if is_multimodal(one)), None)
            fields = {} if alike is None else alike.settings
            return {key: value for key, value in fields.items() if key in ("textFields", *_MEDIA_FIELDS)}
        made = self._asked.made
        if made is None or made.making is not Making.KNOWN_ITEM:
            return {}
        embedded = embedded_properties(self._config, VectorConfig("", module.name))
        others = [one.name for one in embedded if one.name != made.property]
        return {"properties": others} if others else {}

    # -- rerankers

    def _rerankers(self) -> Sequence[str]:
        for name in self._grid.rerankers:
            self._registry.reranker(name)
        if self._grid.rerankers and not self._all_texts:
            raise Invalid("rerankers compare texts, and not all queries have one; leave them out")
        return self._grid.rerankers

    def _rerank_property(self) -> str:
        stated = self._grid.rerank_property
        if stated:
            self._check_text(stated)
            return stated
        found = (one.name for one in self._config.properties if one.data_type in _TEXTS)
        made = self._asked.made
        first = next((name for name in found if made is None or name != made.property), "")
        if not first:
            raise Invalid(f"class {self._config.name} has no text to rerank by")
        return first

    def _check_text(self, property: str) -> None:
        found = self._config.by_name.get(property)
        if found is None or found.data_type not in _TEXTS:
            texts = ", ".join(one.name for one in self._config.properties if one.data_type in _TEXTS) or "none"
            raise Invalid(f"class {self._config.name} has no text property {property[:80]!r}; its texts are {texts}")


def check_queries(queries: Sequence[JudgedQuery]) -> None:
    """Raises Invalid unless each has an id of its own, something to search for, and an object to find."""
    known: set[str] = set()
    for query in queries:
        if query.id in known:
            raise Invalid(f"two queries have the id {query.id[:80]!r}; give each its own")
        known.add(query.id)
        if not (query.text or query.media or query.vector is not None):
            raise Invalid(f"query {query.id[:80]!r} has neither text nor media nor vector")
        if not any(grade > 0 for grade in query.relevant.values()):
            raise Invalid(f"query {query.id[:80]!r} has no relevant object, so nothing could be found; leave it out")
