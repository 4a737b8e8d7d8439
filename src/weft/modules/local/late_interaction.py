"""Late interaction, run by torch: a vector for each token of a text, or for each patch of the image of a page.

ColBERT as sentence-transformers, PyLate and Stanford save it; ColPali, ColQwen2 and ColModernVBERT as transformers
saves them. What is added to queries but not to documents (a marker, padding with [MASK], an instruction), which tokens
are left out, and the maximum lengths are read from the model's own configuration.
Sources: ColBERT, arXiv 2004.12832; ColPali, arXiv 2407.01449; token pooling, arXiv 2409.14683.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

from weft.domain.errors import Invalid
from weft.domain.objects import Vector
from weft.domain.query import MediaKind
from weft.modules.base import TEXT, InputKind
from weft.modules.local.checkpoint import Purpose, read_checkpoint
from weft.modules.local.models import ModelSource
from weft.modules.local.replicas import ReplicaPool
from weft.modules.local.token_estimates import estimated_tokens, readable
from weft.modules.local.torch_loading import Placement, best_placement, loading, options
from weft.modules.local.vectors import unit_rows
from weft.modules.media.images import Pixels

_KINDS: tuple[InputKind, ...] = (TEXT, MediaKind.IMAGE)


class PassageRole(Enum):
    QUERY = "query"
    DOCUMENT = "document"


@dataclass(frozen=True, slots=True, eq=False)
class Passage:
    """A text or an image; similar vectors of a document are merged, so that one in ``pool_factor`` remains."""

    role: PassageRole
    content: str | Pixels
    pool_factor: int = 1

    @property
    def is_text(self) -> bool:
        return isinstance(self.content, str)


class LateInteractionEncoder:
    """``(T, d) f32`` with rows of length 1; ``model`` is a MultiVectorEncoder of sentence-transformers."""

    def __init__(self, model: Any, name: str) -> None:
        self.name = name
        self._replicas = ReplicaPool(model)
        self.parallel = self._replicas.parallel
        self.kinds: frozenset[InputKind] = frozenset(kind for kind in _KINDS if kind in model.modalities)
        self._max_tokens = model.get_max_seq_length() or 512

    def prepare(self, passages: Sequence[Passage]) -> list[Passage]:
        """Raises Invalid for an image if the model reads only text."""
        return [self._shortened(one) for one in passages]

    def length(self, prepared: Passage) -> int:
        if isinstance(prepared.content, str):
            return estimated_tokens(len(prepared.content), self._max_tokens)
        return self._max_tokens

    def encode(self, run: Sequence[Passage]) -> list[Vector]:
        """``(T, d)`` for each passage, in order, with rows of length 1."""
        alike: dict[tuple[PassageRole, bool, int], list[int]] = defaultdict(list)
        for i, one in enumerate(run):
            alike[one.role, one.is_text, one.pool_factor].append(i)
        found: dict[int, Vector] = {}
        for (role, _, pool_factor), places in alike.items():
            found.update(zip(places, self._encode([run[i] for i in places], role, pool_factor), strict=True))
        return [found[i] for i in range(len(run))]

    def close(self) -> None:
        self._replicas.close()

    def _shortened(self, passage: Passage) -> Passage:
        if isinstance(passage.content, str):
            return Passage(passage.role, readable(passage.content, self._max_tokens), passage.pool_factor)
        if MediaKind.IMAGE not in self.kinds:
            raise Invalid(f"the model {self.name} reads text, not images; choose one such as ColPali or ColQwen2")
        return passage

    def _encode(self, alike: Sequence[Passage], role: PassageRole, pool_factor: int) -> list[Vector]:
        """Passages of one role, kind and factor. Texts go in a dict: a bare one could be opened as a file or URL."""
        inputs = [_input(one.content) for one in alike]
        with self._replicas.replica() as model:
            encode = model.encode_query if role is PassageRole.QUERY else model.encode_document
            vectors = encode(
                inputs,
                batch_size=len(inputs),
                show_progress_bar=False,
                convert_to_numpy=True,
                token_pooling=_pooling(pool_factor, protected=int(alike[0].is_text)),
            )
        for vector in vectors:
            if not len(vector):
                raise Invalid(f"the model {self.name} leaves out every token of this {role.value}; send another text")
        return [unit_rows(vector) for vector in vectors]


def _input(content: str | Pixels) -> dict[str, Any]:
    if isinstance(content, str):
        return {"text": content}
    from PIL import Image

    return {"image": Image.fromarray(content)}


def _pooling(factor: int, protected: int) -> Any:
    """A text's first vector, of [CLS], is not merged."""
    if factor == 1:
        return None
    from sentence_transformers.multi_vector_encoder.modules import HierarchicalTokenPooling

    return HierarchicalTokenPooling(factor, num_protected_tokens=protected)


def load_late_interaction(
    source: ModelSource, *, downloads: bool, placement: Placement | None = None
) -> LateInteractionEncoder:
    """Raises Misconfigured for a model with another purpose or custom code, CorruptData when weights are missing,
    Overloaded when it is too large. ``placement``: by default the best available."""
    checkpoint = read_checkpoint(source, downloads=downloads)
    checkpoint.require(Purpose.LATE_INTERACTION)
    from sentence_transformers import MultiVectorEncoder

    placement = placement or best_placement()
    with loading(checkpoint, placement):
        model = MultiVectorEncoder(checkpoint.place, **options(placement))
    return LateInteractionEncoder(model.eval(), source.name)


def maxsim(query: Vector, document: Vector) -> float:
    """MaxSim of a query ``(Tq, d)`` and a document ``(Td, d)``: the sum of each query token's greatest dot product."""
    return float((query @ document.T).max(axis=1).sum())
