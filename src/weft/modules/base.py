"""Modules: vectorizers, rerankers and generators.

A module is made on first use and may be called from any thread. It imports only ``weft.domain``. ``settings`` is always
the collection's own mapping for the module (``VectorConfig.settings`` or ``CollectionConfig.module_config[name]``),
as the client wrote it, with the module's defaults filled in.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar, Final, Literal, Protocol, TypeAlias, runtime_checkable

from weft.domain.caller import Caller
from weft.domain.errors import Invalid, WeftError
from weft.domain.json_values import JsonObject, JsonValue
from weft.domain.objects import Vector
from weft.domain.query import MediaKind
from weft.domain.schema import CollectionConfig, VectorConfig

TEXT: Final = "text"
"""The kind of input that is not media."""

InputKind: TypeAlias = MediaKind | Literal["text"]

ModuleConfig: TypeAlias = Mapping[str, object]
"""The settings of one module in one collection, as the client wrote them."""

UNKNOWN = "?"
"""A part of a fingerprint that is not known yet, such as the revision of a model that was not fetched yet."""


@dataclass(frozen=True, slots=True)
class Media:
    """One image, audio clip or video; ``data`` is base64 text."""

    kind: MediaKind
    data: str


@dataclass(frozen=True, slots=True)
class ModuleInput:
    """The part of one object that a vectorizer embeds. Equal inputs have equal vectors, up to rounding.

    ``weights``: one for each of ``texts`` and then ``media``; empty: all weigh the same.
    """

    texts: tuple[str, ...] = ()
    media: tuple[Media, ...] = ()
    weights: tuple[float, ...] = ()

    @property
    def is_empty(self) -> bool:
        """Nothing to embed: the object is stored without this vector."""
        return not self.media and not any(self.texts)


@dataclass(frozen=True, slots=True)
class Generated:
    """A generator's answer; ``usage``: the provider's own report (tokens), empty if there is none."""

    text: str
    usage: JsonObject = field(default_factory=dict)


class Module(ABC):
    """The common part of all modules. ``title`` and ``documentation`` are reported in ``/v1/meta``."""

    title: ClassVar[str]
    documentation: ClassVar[str] = ""
    is_provider: ClassVar[bool] = False
    """Whether it calls a provider's API."""

    def __init__(self, name: str) -> None:
        """``name``: its name in collections, such as ``text2vec-openai``."""
        self.name = name

    def meta(self) -> dict[str, JsonValue]:
        if self.documentation:
            return {"name": self.title, "documentationHref": self.documentation}
        return {"name": self.title}

    def defaults(self, settings: ModuleConfig) -> dict[str, object]:
        """``settings`` with the defaults that the module writes into a new collection."""
        return dict(settings)

    def check_settings(self, settings: ModuleConfig) -> None:
        """Raises Invalid for settings that are wrong for every collection."""
        return

    def close(self) -> None:
        """Stop running work and release resources; called once, when the server stops."""
        return


@runtime_checkable
class Lexicon(Protocol):
    """A module whose words can be looked up. Vectors are ``(d,) f32``."""

    def word_vectors(self, words: Sequence[str]) -> list[Vector | None]:
        """The vector of each word, in lower case; None for one that is not known."""
        ...

    def mix(self, words: Sequence[str], weights: Sequence[float]) -> Vector:
        """The vector of a text of ``words``, one at least, each with its weight."""
        ...

    def neighbours(self, vector: Vector, k: int) -> list[tuple[str, float]]:
        """The ``k`` words nearest to ``vector``, with their cosine distances. Raises Invalid for other dimensions."""
        ...

    def words(self, text: str) -> list[str]:
        """The words of ``text``, in lower case, each as often as it has them."""
        ...

    def text_vector(self, texts: Sequence[str]) -> Vector:
        """The vector of a query, the mean of those of ``texts``, one at least."""
        ...

    def check_extension(self, word: str, definition: str, weight: float) -> None:
        """Raises Invalid for what ``extend`` does not take."""
        ...

    def extend(self, word: str, definition: str, weight: float) -> None:
        """From now on ``word`` means ``definition``; ``weight``, 0 to 1, is the definition's share of its vector.

        Raises Invalid."""
        ...

    def concept(self, text: str) -> dict[str, JsonValue]:
        """The entries of the words of ``text``, in the protocol's form. Raises Invalid."""
        ...


class Vectorizer(Module):
    """Makes vectors: ``(d,) f32``, or ``(T, d) f32`` where ``multi``."""

    kinds: ClassVar[frozenset[InputKind]] = frozenset({TEXT})
    multi: ClassVar[bool] = False

    def property_defaults(self) -> dict[str, object]:
        """The module's default entry in the ``moduleConfig`` of each property."""
        return {}

    def validate(self, config: CollectionConfig, vector: VectorConfig, auto_schema: bool) -> None:
        """Raises Invalid when the module cannot make ``vector`` from the objects of ``config``.

        With ``auto_schema`` properties may be added later, so they are not checked.
        """
        self.check_settings(vector.settings)

    @abstractmethod
    def fingerprint(self, settings: ModuleConfig) -> str:
        """Identifies the vector space: vectors of equal fingerprints can be compared."""

    @abstractmethod
    def embed_objects(
        self, inputs: Sequence[ModuleInput], settings: ModuleConfig, caller: Caller
    ) -> list[Vector | WeftError]:
        """One vector, ``(d,)`` or if ``multi`` ``(T, d)``, or one error for each input, in order; none may be empty."""

    @abstractmethod
    def embed_query(self, texts: Sequence[str], settings: ModuleConfig, caller: Caller) -> Vector:
        """The vector ``(d,)`` of a query, the mean of those of ``texts``, one at least; if ``multi``, ``(Tq, d)``."""

    def chunks(self, text: str, settings: ModuleConfig) -> list[str] | None:
        """The pieces of an object's text that each have a row of its vector; None if rows are something else."""
        return None

    def embed_media(self, kind: MediaKind, data_base64: str, settings: ModuleConfig, caller: Caller) -> Vector:
        """The query vector, ``(d,)`` or if ``multi`` ``(Tq, d)``, of one image, audio clip or video."""
        raise Invalid(f"module {self.name} does not embed {kind}; it embeds {', '.join(sorted(self.kinds))}")


class Reranker(Module):
    @abstractmethod
    def rank(self, query: str, documents: Sequence[str], settings: ModuleConfig, caller: Caller) -> list[float]:
        """One score for each document, in their order; larger is better. The query may be empty."""


class Generator(Module):
    context_parameter: ClassVar[str] = ""
    """Its parameter for the texts of the hits that a prompt is about, if it takes them besides the prompt."""
    other_names: ClassVar[tuple[str, ...]] = ()
    """Other names under which collections may have its settings."""
    reported_as: ClassVar[str] = ""
    """The protocol's name of its provider, if it is not the end of the module's name."""

    @abstractmethod
    def generate(
        self,
        prompt: str,
        settings: ModuleConfig,
        parameters: Mapping[str, object],
        caller: Caller,
        images: Sequence[str] = (),
    ) -> Generated:
        """The answer to ``prompt`` (see ``weft.modules.prompts``).

        ``parameters`` override ``settings`` for this call; their names may be spelled ``topP`` or ``top_p``.
        ``images`` are base64 texts. Raises ProviderError, or Invalid for an invalid parameter.
        """
