"""Modules: vectorizers, rerankers and generators, by their names in Weaviate.

Weft's own modules and those of other packages (``weft.plugins``) are registered by the location of their class: nothing
is imported until a module is first used, and one that needs a missing extra reports that then.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from functools import partial
from importlib import import_module

from weft.domain.errors import Misconfigured
from weft.modules.base import Generator, Module, Reranker, Vectorizer
from weft.modules.registry import ModuleFactory, Registry
from weft.modules.resources import Resources
from weft.modules.text_vectorizer import TextVectorizer
from weft.plugins import MODULES, Plugin, find_plugins
from weft.settings.modules import MediaSettings, ModelSettings, ProviderSettings

log = logging.getLogger(__name__)

__all__ = ["Generator", "Module", "Registry", "Reranker", "Resources", "Vectorizer", "build_registry", "registry_of"]

_OF_OTHER_ROOMS = ("backup-", "offload-")
"""Modules of Weaviate that do not embed, rank or generate; enabling them has no effect."""

_TEXT_PREFIX = "text2"
_OF_PROVIDERS = "providers."
"""Where the modules are that call a provider's API: like Weaviate's, they are on whatever ENABLE_MODULES names."""

_BUILT_IN = {
    "text2vec-transformers": "local.text2vec_transformers:Text2VecTransformers",
    "text2vec-model2vec": "local.text2vec_model2vec:Text2VecModel2Vec",
    "text2vec-contextionary": "local.text2vec_contextionary:Text2VecContextionary",
    "text2multivec-transformers": "local.text2multivec_transformers:Text2MultivecTransformers",
    "text2colbert-transformers": "local.text2colbert_transformers:Text2ColbertTransformers",
    "multi2multivec-transformers": "local.multi2multivec_transformers:Multi2MultivecTransformers",
    "img2vec-neural": "local.media_vectorizers:Img2VecNeural",
    "multi2vec-clip": "local.media_vectorizers:Multi2VecClip",
    "multi2vec-bind": "local.media_vectorizers:Multi2VecBind",
    "reranker-transformers": "local.reranker_transformers:RerankerTransformers",
    "ref2vec-centroid": "ref2vec_centroid:Ref2VecCentroid",
    "generative-dummy": "dummy:GenerativeDummy",
    "reranker-dummy": "dummy:RerankerDummy",
    "text2vec-openai": "providers.openai:Text2VecOpenAI",
    "generative-openai": "providers.openai:GenerativeOpenAI",
    "generative-anyscale": "providers.anyscale:GenerativeAnyscale",
    "text2vec-cohere": "providers.cohere:Text2VecCohere",
    "multi2vec-cohere": "providers.cohere:Multi2VecCohere",
    "generative-cohere": "providers.cohere:GenerativeCohere",
    "reranker-cohere": "providers.cohere:RerankerCohere",
    "text2vec-huggingface": "providers.huggingface:Text2VecHuggingFace",
    "text2vec-ollama": "providers.ollama:Text2VecOllama",
    "generative-ollama": "providers.ollama:GenerativeOllama",
    "text2vec-nvidia": "providers.nvidia:Text2VecNvidia",
    "multi2vec-nvidia": "providers.nvidia:Multi2VecNvidia",
    "generative-nvidia": "providers.nvidia:GenerativeNvidia",
    "reranker-nvidia": "providers.nvidia:RerankerNvidia",
    "text2vec-jinaai": "providers.jinaai:Text2VecJinaAI",
    "text2multivec-jinaai": "providers.jinaai:Text2MultivecJinaAI",
    "text2colbert-jinaai": "providers.jinaai:Text2MultivecJinaAI",
    "multi2vec-jinaai": "providers.jinaai:Multi2VecJinaAI",
    "multi2multivec-jinaai": "providers.jinaai:Multi2MultivecJinaAI",
    "reranker-jinaai": "providers.jinaai:RerankerJinaAI",
    "text2vec-mistral": "providers.mistral:Text2VecMistral",
    "text2vec-voyageai": "providers.voyageai:Text2VecVoyageAI",
    "multi2vec-voyageai": "providers.voyageai:Multi2VecVoyageAI",
    "text2vec-databricks": "providers.databricks:Text2VecDatabricks",
    "text2vec-digitalocean": "providers.digitalocean:Text2VecDigitalOcean",
    "text2vec-morph": "providers.morph:Text2VecMorph",
    "text2vec-weaviate": "providers.weaviate_embeddings:Text2VecWeaviate",
    "multi2multivec-weaviate": "providers.weaviate_embeddings:Multi2MultivecWeaviate",
    "multi2vec-twelvelabs": "providers.twelvelabs:Multi2VecTwelveLabs",
    "text2vec-google": "providers.google_embeddings:Text2VecGoogle",
    "text2vec-palm": "providers.google_embeddings:Text2VecGoogle",
    "multi2vec-google": "providers.google_media:Multi2VecGoogle",
    "multi2vec-palm": "providers.google_media:Multi2VecGoogle",
    "text2vec-aws": "providers.aws_embeddings:Text2VecAws",
    "multi2vec-aws": "providers.aws_embeddings:Multi2VecAws",
    "generative-aws": "providers.aws_generator:GenerativeAws",
    "generative-databricks": "providers.databricks:GenerativeDatabricks",
    "generative-digitalocean": "providers.digitalocean:GenerativeDigitalOcean",
    "generative-mistral": "providers.mistral:GenerativeMistral",
    "reranker-voyageai": "providers.voyageai:RerankerVoyageAI",
    "generative-anthropic": "providers.anthropic:GenerativeAnthropic",
    "generative-contextualai": "providers.contextualai:GenerativeContextualAI",
    "reranker-contextualai": "providers.contextualai:RerankerContextualAI",
    "generative-deepseek": "providers.deepseek:GenerativeDeepSeek",
    "generative-friendliai": "providers.friendliai:GenerativeFriendliAI",
    "generative-google": "providers.google_generator:GenerativeGoogle",
    "generative-palm": "providers.google_generator:GenerativeGoogle",
    "generative-meta": "providers.meta:GenerativeMeta",
    "generative-xai": "providers.xai:GenerativeXAI",
}
"""File and class of each, below this folder. A class is called with the module's name and the resources."""


def build_registry(
    enabled: Sequence[str] = (),
    *,
    providers_off: bool = False,
    models: ModelSettings = ModelSettings(),
    providers: ProviderSettings = ProviderSettings(),
    media: MediaSettings = MediaSettings(),
) -> Registry:
    """See ``registry_of``; ``enabled`` and ``providers_off`` are for it."""
    return registry_of(Resources.of(models, providers, media), enabled, providers_off=providers_off)


def registry_of(resources: Resources, enabled: Sequence[str] = (), *, providers_off: bool = False) -> Registry:
    """The modules named in ``enabled`` (empty: all) and, unless ``providers_off``, those that call a provider.

    ``providers_off`` leaves out those of providers that are not named in ``enabled``. An unknown name is logged; what
    uses such a module is refused then. Closing the registry closes its ``resources``.

    Raises Misconfigured for a plug-in whose name is taken, and for a plug-in that is named in ``enabled`` but cannot be
    imported. One that is not named there fails when it is used.
    """
    plugins = find_plugins(MODULES, _BUILT_IN)
    factories: dict[str, ModuleFactory] = {name: partial(_built_in, name, resources) for name in _BUILT_IN}
    factories |= {name: partial(_plugged_in, plugin, resources) for name, plugin in plugins.items()}
    unknown = sorted(name for name in set(enabled) - set(factories) if not name.startswith(_OF_OTHER_ROOMS))
    if unknown:
        log.warning(
            "ENABLE_MODULES names modules that this server does not have: %s; collections that use them are refused",
            ", ".join(unknown),
        )
    for name in plugins.keys() & set(enabled):
        plugins[name].load()
    chosen = {name for name in factories if _is_on(name, enabled, providers_off)}
    factories = {name: factory for name, factory in factories.items() if name in chosen}
    return Registry(factories, on_close=resources.close, models=resources.pool.state, own=_BUILT_IN)


def _is_on(name: str, enabled: Sequence[str], providers_off: bool) -> bool:
    if name in enabled:
        return True
    if _BUILT_IN.get(name, "").startswith(_OF_PROVIDERS):
        return not providers_off
    return not enabled


def _built_in(name: str, resources: Resources) -> Module:
    file, class_name = _BUILT_IN[name].split(":")
    made: Module = getattr(import_module(f"{__name__}.{file}"), class_name)(name, resources)
    return made


def _plugged_in(plugin: Plugin, resources: Resources) -> Module:
    made = plugin.make(plugin.name, resources)
    if not isinstance(made, Vectorizer | Reranker | Generator):
        raise Misconfigured(f"{plugin} makes a {type(made).__name__}, not a vectorizer, reranker or generator")
    if isinstance(made, Vectorizer) and isinstance(made, TextVectorizer) != plugin.name.startswith(_TEXT_PREFIX):
        raise Misconfigured(
            f"{plugin} has the wrong name: those of text vectorizers, and of no others, begin with {_TEXT_PREFIX}"
        )
    return made
