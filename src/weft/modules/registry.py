"""Registry: the enabled modules by name; what the rest of the server asks them through."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Mapping
from typing import NamedTuple, TypeAlias

from weft.domain.errors import Invalid, Misconfigured
from weft.domain.json_values import JsonObject, JsonValue
from weft.modules.base import Generator, Module, ModuleConfig, Reranker, Vectorizer
from weft.modules.setting_names import check_names

ModuleFactory: TypeAlias = Callable[[], Module]


class ModelState(NamedTuple):
    """A model in this process's memory: how many texts and media wait for it, how many threads run it, and how many
    texts and media it has embedded since it was loaded. ``bytes``: by how much the process grew when it was loaded.
    ``truncated``: of how many texts it has not read the end.
    """

    name: str
    waiting: int
    threads: int
    embedded: int
    bytes: int = 0
    truncated: int = 0


class Registry:
    """The enabled modules by name, each made on first use. ``models`` lists the models that they have loaded; ``own``
    are those of Weft, whose settings are known by name."""

    def __init__(
        self,
        factories: Mapping[str, ModuleFactory],
        *,
        on_close: Callable[[], None] | None = None,
        models: Callable[[], list[ModelState]] = list,
        own: Collection[str] = (),
    ) -> None:
        self.models = models
        self._own = frozenset(own)
        self._factories = dict(factories)
        self._modules: dict[str, Module] = {}
        self._lock = threading.Lock()
        self._on_close = on_close

    def knows(self, name: str) -> bool:
        """Whether a module of that name is enabled."""
        return name in self._factories

    def get(self, name: str) -> Module:
        """Raises Invalid when no module of that name is enabled."""
        module = self._modules.get(name)
        if module is not None:
            return module
        factory = self._factories.get(name)
        if factory is None:
            raise Invalid(f'no module with name "{name}" present; /v1/meta lists those that are', module=name)
        with self._lock:
            if name not in self._modules:
                self._modules[name] = factory()
            return self._modules[name]

    def vectorizer(self, name: str) -> Vectorizer:
        module = self.get(name)
        if not isinstance(module, Vectorizer):
            raise Invalid(f'module "{name}" exists, but does not provide the Vectorizer capability', module=name)
        return module

    def reranker(self, name: str) -> Reranker:
        module = self.get(name)
        if not isinstance(module, Reranker):
            raise Invalid(f'module "{name}" exists, but does not rerank; name a reranker-… module', module=name)
        return module

    def generator(self, name: str) -> Generator:
        module = self.get(name)
        if not isinstance(module, Generator):
            raise Invalid(f'module "{name}" exists, but does not generate; name a generative-… module', module=name)
        return module

    def is_vectorizer(self, name: str) -> bool:
        return isinstance(self.get(name), Vectorizer)

    def is_provider(self, name: str) -> bool:
        """Whether the module calls a provider's API."""
        return self.get(name).is_provider

    def is_multi_vector(self, name: str) -> bool:
        """Whether its vectors are multi-vectors, one a token or patch."""
        module = self.get(name)
        return isinstance(module, Vectorizer) and module.multi

    def defaults(self, name: str, settings: ModuleConfig) -> dict[str, object]:
        return self.get(name).defaults(settings)

    def property_defaults(self, name: str, data_type: str) -> dict[str, object]:
        """The same for every ``data_type``, as in Weaviate."""
        module = self.get(name)
        return module.property_defaults() if isinstance(module, Vectorizer) else {}

    def validate(self, name: str, settings: ModuleConfig, document: JsonObject) -> None:
        """Raises Invalid for ``settings`` that are wrong for every collection.

        ``Vectorizer.validate`` checks whether a vectorizer has something to embed in a collection.
        """
        if name in self._own:
            check_names(name, settings)
        self.get(name).check_settings(settings)

    def meta(self) -> dict[str, dict[str, JsonValue]]:
        """The entry of each enabled module in ``/v1/meta``, by name; for one that cannot be made, the reason."""
        found: dict[str, dict[str, JsonValue]] = {}
        for name in sorted(self._factories):
            try:
                found[name] = self.get(name).meta()
            except Misconfigured as error:  # a broken plug-in; clients read this when they connect
                found[name] = {"error": error.message}
        return found

    def close(self) -> None:
        """Close every module that was made; calling it again does nothing."""
        with self._lock:
            modules, self._modules, self._factories = list(self._modules.values()), {}, {}
            on_close, self._on_close = self._on_close, None
        for module in modules:
            module.close()
        if on_close is not None:
            on_close()
