"""The vectors of hits, which are not part of their records."""

from __future__ import annotations

from collections.abc import Sequence

from weft.domain.answer import Hit
from weft.domain.errors import Invalid
from weft.domain.query import Returns
from weft.domain.schema import CollectionConfig
from weft.engine.view import View


def vector_names(config: CollectionConfig, returns: Returns) -> list[str]:
    """The vectors that ``returns`` asks for; raises Invalid for one that the collection does not have."""
    if returns.vector:
        return list(config.vectors)
    for name in returns.vectors:
        if name not in config.vectors:
            raise Invalid(
                f"class {config.name} does not have named vector {name} configured. "
                f"Available named vectors [{' '.join(config.vectors)}]"
            )
    return list(returns.vectors)


def fill_vectors(view: View, config: CollectionConfig, returns: Returns, hits: Sequence[Hit]) -> None:
    """Give ``hits``, objects of ``view``, the requested vectors, as far as they have them."""
    for name in vector_names(config, returns):
        for hit, vector in zip(hits, view.vectors(name, [h.doc_id for h in hits]), strict=True):
            if vector is not None:
                hit.vectors[name] = vector
