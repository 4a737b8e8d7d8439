"""After the hits are read: reranking them, and generating from them, by the collection's modules.

In a grouped answer the first hit of each group stands for the group, both in reranking and in generation. A prompt for
each hit is one call each, which mostly waits for a provider, so a few of them run at a time. The first failure, in rank
order, is the error of the search, and calls that have not begun by then are not made; or, if the request says so, each
failure is reported with its hit.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, TypeAlias, TypeVar

from weft.domain.answer import Answer, GenerationDetails, Group, Hit
from weft.domain.caller import Caller
from weft.domain.errors import Invalid, WeftError
from weft.domain.generation import Generate, Prompt, Rerank
from weft.domain.place import Elsewhere, away, holder, placed
from weft.domain.schema import CollectionConfig
from weft.modules.prompts import prompt_values, single_prompt, task_prompt
from weft.modules.registry import Registry

Values: TypeAlias = Mapping[str, str]
"""The properties of a hit as text, by name."""

Write: TypeAlias = Callable[[str, Sequence[Hit], Sequence[Values]], tuple[str, GenerationDetails]]
"""From a prompt, its hits and their values to the generated text and its details."""

_AT_A_TIME = 8
"""Concurrent calls of one search. Providers refuse callers that send many at a time, and then all of them wait."""

Item = TypeVar("Item")
Result = TypeVar("Result")


class Refiner:
    def __init__(self, registry: Registry) -> None:
        self._registry = registry

    def rerank(self, config: CollectionConfig, asked: Rerank, answer: Answer, caller: Caller) -> None:
        """Orders the hits, or the groups, by their scores; the hits of a group keep their order."""
        name, settings = _module(config, "reranker-", "rerank")
        if asked.property not in config.by_name:
            raise Invalid(f"class {config.name} has no property {asked.property!r} to rerank by")
        reranker = self._registry.reranker(name)
        hits = answer.hits if answer.groups is None else [group.hits[0] for group in answer.groups]
        documents = [_text(hit, asked.property) for hit in hits]
        scores = reranker.rank(asked.query, documents, settings, caller) if documents else []
        for hit, value in zip(hits, scores, strict=True):
            hit.rerank_score = value
        if answer.groups is None:
            answer.hits.sort(key=_by_rerank)
        else:
            for group in answer.groups:
                group.rerank_score = group.hits[0].rerank_score
            answer.groups.sort(key=_by_rerank)

    def generate(self, config: CollectionConfig, asked: Generate, answer: Answer, caller: Caller) -> None:
        """For each hit, and for all together; in a grouped answer, a group's first hit stands for the group."""
        single = None if asked.single is None else self._writer(config, asked.single, caller)
        grouped = None if asked.grouped is None else self._writer(config, asked.grouped, caller)
        described: Sequence[Hit | Group] = answer.hits if answer.groups is None else answer.groups
        about = [one.hits[0] if isinstance(one, Group) else one for one in described]
        values = [prompt_values(config, hit.record.properties) for hit in about]
        if asked.single is not None and single is not None:
            template, write = asked.single.text, single

            def describe(i: int) -> None:
                one = described[i]
                with _failing(one, asked):
                    one.generated, one.generation = write(single_prompt(template, values[i]), [about[i]], [values[i]])

            _some_at_a_time(describe, range(len(described)))
        if asked.grouped is not None and grouped is not None and about:
            with _failing(answer, asked):
                task = task_prompt(asked.grouped.text, values, asked.grouped_properties)
                answer.generated, answer.generation = grouped(task, about, values)

    def _writer(self, config: CollectionConfig, prompt: Prompt, caller: Caller) -> Write:
        """Calls the generator that ``prompt`` names, else the collection's."""
        if prompt.provider is not None:
            name = f"generative-{prompt.provider.removeprefix('generative-')}"
            generator = self._registry.generator(name)
            names = (name, *generator.other_names)
            settings: Mapping[str, Any] = next(filter(None, (config.module_config.get(one) for one in names)), {})
        else:
            name, settings = _module(config, "generative-", "generate")
            generator = self._registry.generator(name)

        def write(text: str, about: Sequence[Hit], values: Sequence[Values]) -> tuple[str, GenerationDetails]:
            parameters = prompt.parameters
            if generator.context_parameter:
                context = [value for one in values for value in one.values() if value]
                parameters = {**parameters, generator.context_parameter: context}
            result = generator.generate(text, settings, parameters, caller, _images(prompt, about))
            provider = (generator.reported_as or name.removeprefix("generative-")) if prompt.metadata else None
            return result.text, GenerationDetails(text if prompt.debug else None, provider, result.usage)

        return write


@contextmanager
def _failing(about: Hit | Group | Answer, asked: Generate) -> Iterator[None]:
    try:
        yield
    except WeftError as error:
        if not asked.failures_beside:
            raise
        about.generation_error = error.message


def _some_at_a_time(call: Callable[[Item], Result], items: Sequence[Item]) -> list[Result]:
    """``call`` for each item, in order. Raises the error of the first that fails; later items may be skipped."""
    if len(items) < 2:
        return [call(item) for item in items]
    with away():
        threads = ThreadPoolExecutor(min(len(items), _AT_A_TIME), thread_name_prefix="weft-refine")
        try:
            running = [threads.submit(_elsewhere, holder(), call, item) for item in items]
            return [one.result() for one in running]
        finally:
            threads.shutdown(cancel_futures=True)


def _elsewhere(holder: str, call: Callable[[Item], Result], item: Item) -> Result:
    with placed(Elsewhere(holder)):
        return call(item)


def _images(prompt: Prompt, hits: Sequence[Hit]) -> list[str]:
    """The images of a prompt, as base64: those of ``hits``, hit by hit, then those of the request."""
    names = _listed(prompt, "image_properties")
    stored = [hit.record.properties.get(name) for hit in hits for name in names]
    return [*(image for image in stored if isinstance(image, str) and image), *_listed(prompt, "images")]


def _listed(prompt: Prompt, name: str) -> list[str]:
    """A parameter that is a list of texts, or one text."""
    given = prompt.parameters.get(name)
    found = [given] if isinstance(given, str) and given else given or []
    if not isinstance(found, list) or not all(isinstance(one, str) for one in found):
        raise Invalid(f"generate: {name} must be a list of texts")
    return found


def _module(config: CollectionConfig, prefix: str, what: str) -> tuple[str, Mapping[str, Any]]:
    """The collection's one module of a kind, with its settings."""
    for name, settings in config.module_config.items():
        if name.startswith(prefix):
            return name, settings
    raise Invalid(f"class {config.name} has no {prefix}… module to {what} with; add one to its configuration")


def _text(hit: Hit, property: str) -> str:
    value: Any = hit.record.properties.get(property)
    if isinstance(value, list):
        return " ".join(v for v in value if isinstance(v, str))
    return value if isinstance(value, str) else ""


def _by_rerank(ranked: Hit | Group) -> float:
    return -(ranked.rerank_score or 0.0)
