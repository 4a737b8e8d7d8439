"""Modules: vectorizers, rerankers and generators, by the protocol's names.

Nothing heavy is imported until a module is first used; a module that needs an extra says so then.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from importlib import import_module

from weft.domain.errors import Misconfigured
from weft.modules.base import Generator, Module, ModuleFactory, Registry, Reranker, Vectorizer
from weft.modules.local.models import ModelOffer
from weft.modules.local.pool import ModelPool
from weft.modules.media import MediaDecoder
from weft.modules.media.limits import Limits
from weft.modules.providers.http import ProviderClient
from weft.settings.modules import MediaSettings, ModelSettings, ProviderSettings

__all__ = ["Generator", "Module", "Registry", "Reranker", "Vectorizer", "build_registry"]

_OF_OTHER_ROOMS = ("backup-", "offload-")
"""Modules of the protocol that embed, rank and generate nothing; enabling them is no mistake."""

_PROVIDERS = {
    "text2vec-openai": ("openai", "Text2VecOpenAI"),
    "generative-openai": ("openai", "GenerativeOpenAI"),
    "generative-anyscale": ("openai", "GenerativeAnyscale"),
    "text2vec-cohere": ("cohere", "Text2VecCohere"),
    "multi2vec-cohere": ("cohere", "Multi2VecCohere"),
    "generative-cohere": ("cohere", "GenerativeCohere"),
    "reranker-cohere": ("cohere", "RerankerCohere"),
    "text2vec-huggingface": ("huggingface", "Text2VecHuggingFace"),
    "text2vec-ollama": ("ollama", "Text2VecOllama"),
    "generative-ollama": ("ollama", "GenerativeOllama"),
    "text2vec-nvidia": ("nvidia", "Text2VecNvidia"),
    "multi2vec-nvidia": ("nvidia", "Multi2VecNvidia"),
    "generative-nvidia": ("nvidia", "GenerativeNvidia"),
    "reranker-nvidia": ("nvidia", "RerankerNvidia"),
    "text2vec-jinaai": ("jinaai", "Text2VecJinaAI"),
    "text2multivec-jinaai": ("jinaai", "Text2MultivecJinaAI"),
    "text2colbert-jinaai": ("jinaai", "Text2MultivecJinaAI"),
    "multi2vec-jinaai": ("jinaai", "Multi2VecJinaAI"),
    "multi2multivec-jinaai": ("jinaai", "Multi2MultivecJinaAI"),
    "reranker-jinaai": ("jinaai", "RerankerJinaAI"),
}
"""The file and the class of each module that calls a provider."""


def build_registry(
    enabled: Sequence[str] = (),
    *,
    models: ModelSettings = ModelSettings(),
    providers: ProviderSettings = ProviderSettings(),
    media: MediaSettings = MediaSettings(),
) -> Registry:
    """The modules named in ``enabled``; empty: all. Raises Misconfigured for a name that Weft does not have."""
    pool = ModelPool(threads=models.threads, queue_limit=models.queue)
    offer = ModelOffer(models.folder, models.downloads)
    client = ProviderClient(timeout_s=providers.timeout_s, public_only=providers.public_only)
    limits = Limits(pixels=media.max_pixels, memory_bytes=media.memory_mb << 20, wall_s=media.timeout_s)
    decoder = MediaDecoder(limits, workers=media.workers)
    factories = _local(pool, offer, client, decoder) | _providers(client)
    if enabled:
        unknown = sorted(name for name in set(enabled) - set(factories) if not name.startswith(_OF_OTHER_ROOMS))
        if unknown:
            raise Misconfigured(
                f"unknown modules to enable: {', '.join(unknown)}; known are {', '.join(sorted(factories))}"
            )
        factories = {name: factories[name] for name in factories if name in enabled}

    def close() -> None:
        pool.close()
        client.close()
        decoder.close()

    return Registry(factories, on_close=close, models=pool.state)


def _local(
    pool: ModelPool, offer: ModelOffer, client: ProviderClient, decoder: MediaDecoder
) -> dict[str, ModuleFactory]:
    def text2vec_transformers() -> Module:
        from weft.modules.local.text2vec_transformers import Text2VecTransformers

        return Text2VecTransformers(pool, offer)

    def text2vec_model2vec() -> Module:
        from weft.modules.local.text2vec_model2vec import Text2VecModel2Vec

        return Text2VecModel2Vec(pool)

    def text2vec_contextionary() -> Module:
        from weft.modules.local.text2vec_contextionary import Text2VecContextionary

        return Text2VecContextionary(pool)

    def text2colbert_transformers() -> Module:
        from weft.modules.local.text2colbert_transformers import Text2ColbertTransformers

        return Text2ColbertTransformers(pool, offer)

    def multi2multivec_transformers() -> Module:
        from weft.modules.local.multi2multivec_transformers import Multi2MultivecTransformers

        return Multi2MultivecTransformers(pool, offer, decoder)

    def img2vec_neural() -> Module:
        from weft.modules.local.media_vectorizers import Img2VecNeural

        return Img2VecNeural(pool, offer, decoder)

    def multi2vec_clip() -> Module:
        from weft.modules.local.media_vectorizers import Multi2VecClip

        return Multi2VecClip(pool, offer, decoder)

    def multi2vec_bind() -> Module:
        from weft.modules.local.media_vectorizers import Multi2VecBind

        return Multi2VecBind(pool, offer, decoder)

    def reranker_transformers() -> Module:
        from weft.modules.local.reranker_transformers import RerankerTransformers

        return RerankerTransformers(pool, offer, client)

    def generative_dummy() -> Module:
        from weft.modules.dummy import GenerativeDummy

        return GenerativeDummy()

    def reranker_dummy() -> Module:
        from weft.modules.dummy import RerankerDummy

        return RerankerDummy()

    makers: tuple[Callable[[], Module], ...] = (
        text2vec_transformers,
        text2vec_model2vec,
        text2vec_contextionary,
        text2colbert_transformers,
        multi2multivec_transformers,
        img2vec_neural,
        multi2vec_clip,
        multi2vec_bind,
        reranker_transformers,
        generative_dummy,
        reranker_dummy,
    )
    return {maker.__name__.replace("_", "-"): maker for maker in makers}


def _providers(client: ProviderClient) -> dict[str, ModuleFactory]:
    return {name: partial(_provider_module, client, name, *place) for name, place in _PROVIDERS.items()}


def _provider_module(client: ProviderClient, name: str, file: str, class_name: str) -> Module:
    module: Module = getattr(import_module(f"weft.modules.providers.{file}"), class_name)(client)
    module.name = name
    return module
