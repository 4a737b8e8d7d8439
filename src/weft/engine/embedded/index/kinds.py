"""The kinds of vector index by their names in the schema, and what opens each.

A new kind is a module here whose class fulfils ``VectorIndex``, a row in the table below, and its configuration in
``domain.schema``; ``tests/contract/test_vectors.py`` then runs over it. Kinds of single vectors that differ only in
how the built part is made share ``SingleVectorIndex`` and have a row in ``vector/kinds.py`` instead. The libraries of
a kind are loaded when it is first opened.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

from weft.domain.schema import VectorIndexConfig
from weft.engine.embedded.index.vector_index import VectorIndex, VectorSource

Opener: TypeAlias = Callable[[VectorSource[Any], VectorIndexConfig, Path, VectorIndex | None], VectorIndex]


def _single(
    source: VectorSource[Any], config: VectorIndexConfig, folder: Path, after: VectorIndex | None
) -> VectorIndex:
    from weft.engine.embedded.index.vector import SingleVectorIndex

    return SingleVectorIndex(source, config, folder, after=after)


def _multi(
    source: VectorSource[Any], config: VectorIndexConfig, folder: Path, after: VectorIndex | None
) -> VectorIndex:
    from weft.engine.embedded.index.multivector import MultiVectorIndex

    return MultiVectorIndex(source, config, folder)


@dataclass(frozen=True, slots=True)
class IndexOpeners:
    """What opens the index over single vectors, and over multi-vectors."""

    single: Opener
    multi: Opener


KINDS: Mapping[str, IndexOpeners] = {
    "hnsw": IndexOpeners(_single, _multi),
    "flat": IndexOpeners(_single, _multi),
    "dynamic": IndexOpeners(_single, _multi),
    "hfresh": IndexOpeners(_single, _multi),
    "none": IndexOpeners(_single, _multi),
}


def open_vector_index(
    source: VectorSource[Any], config: VectorIndexConfig, folder: Path, after: VectorIndex | None = None
) -> VectorIndex:
    """The index that ``config`` specifies over the vector file ``source``; its snapshot is in ``folder``. ``after``: an
    abandoned one over the same that it replaces."""
    kind = KINDS[config.kind]
    return (kind.single if config.multivector is None else kind.multi)(source, config, folder, after)
