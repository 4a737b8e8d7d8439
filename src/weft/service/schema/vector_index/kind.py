"""One kind of vector index: its settings' defaults and limits, what may change later, and their typed view."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar

from weft.domain.errors import Invalid
from weft.domain.json_fields import shorten
from weft.domain.schema import VectorIndexConfig
from weft.service.schema.vector_index import blocks
from weft.service.schema.vector_index.blocks import Block, Given


class IndexKind(ABC):
    name: ClassVar[str]
    template: ClassVar[Block]
    """Every setting with its default."""
    immutable: ClassVar[tuple[str, ...]]
    """Paths of settings that cannot change once the index exists."""
    takes_multivectors: ClassVar[bool] = False
    """Whether a vectorizer of multi-vectors may fill it."""
    needs_async_indexing: ClassVar[bool] = False
    default_quantizers: ClassVar[tuple[str, ...]] = ()
    """Quantizers that the server's default may turn on."""
    rescores_by_default: ClassVar[bool] = False
    """Whether the server's default sets how many candidates are rescored."""

    def complete(self, given: Given, where: str, *, multi: bool) -> Block:
        """The block with every default filled in; ``multi``: its vectorizer makes multi-vectors."""
        return blocks.filled(given, self.template, where)

    def quantize(self, block: Block, name: str, bits: str) -> None:
        """Turn the server's default quantizer on where none is chosen, if the kind takes it."""
        if name in self.default_quantizers:
            blocks.quantize(block, name, bits, rescore_limits=self.rescores_by_default)

    @abstractmethod
    def problems(self, block: Block, where: str) -> list[str]:
        """What is outside the limits, as phrases of a message."""

    def validate(self, block: Block, where: str) -> None:
        """Raises Invalid for a completed block outside the limits."""
        blocks.refuse(self.problems(block, where), self.name, where)
        blocks.check_metric(block["distance"], where)

    def check_update(self, old: Block, new: Block) -> None:
        """Raises Invalid when ``new`` changes what an existing index cannot."""
        for path in self.immutable:
            before, after = blocks.at(old, path), blocks.at(new, path)
            if before != after:
                raise Invalid(
                    f'{self.called(path)} is immutable: attempted change from "{_spelled(before)}" to '
                    f'"{_spelled(after)}"'
                )

    def called(self, path: str) -> str:
        """The name of a setting in an error message."""
        return path.replace(".enabled", " enabled")

    def keep_default_marks(self, old: Block, new: Block) -> None:
        """Carry over the marks of default quantization, where the kind has them."""
        if self.default_quantizers:
            blocks.keep_default_marks(old, new)

    @abstractmethod
    def parse(self, block: Given) -> VectorIndexConfig:
        """The typed view of a completed and valid block."""


def _spelled(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else shorten(value)
