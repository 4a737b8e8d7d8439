"""What a shard takes of memory and disk, by component.

Memory is what arrays and bitmaps hold, in RAM or mapped from files: pages of the latter are given back where memory is
short. What dictionaries and objects take is estimated.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
from pyroaring import BitMap

from weft.engine.embedded.index.allow_list import AllowList
from weft.engine.embedded.indexes import Indexes

_BLOCK_BYTES = 512
"""In which ``st_blocks`` counts."""


def held_bytes(*things: Any) -> int:
    """Of arrays, bitmaps and allow-lists; None holds nothing."""
    return sum(map(_held, things))


def memory_of(indexes: Indexes) -> dict[str, int]:
    """Bytes by component: each index, and what is kept of answers (``cache/…``)."""
    found: dict[str, int] = {}
    for name, index in list(indexes.vectors.items()):
        found |= {f"index/{name}/{part}": size for part, size in index.stats().components.items()}
    for component, held in (("filter", indexes.filters.held()), ("inverted", indexes.inverted.held())):
        found[f"index/{component}"] = held.index + held_bytes(*held.arrays)
        found[f"cache/{component}"] = held_bytes(*held.cached)
    return found


def disk_of(folder: Path) -> dict[str, int]:
    """Bytes of the files below ``folder``, by the first two folders on the way to them (``index/filter``); files that
    go meanwhile are left out."""
    found: dict[str, int] = {}
    for at, _, names in os.walk(folder):
        component = "/".join(Path(at).relative_to(folder).parts[:2]) or "other"
        for name in names:
            try:
                facts = (Path(at) / name).lstat()
            except FileNotFoundError:
                continue
            size = facts.st_size
            if hasattr(facts, "st_blocks"):  # what a sparse file really takes
                size = min(size, facts.st_blocks * _BLOCK_BYTES)
            found[component] = found.get(component, 0) + size
    return found


def _held(thing: Any) -> int:
    match thing:
        case None:
            return 0
        case np.ndarray():
            return thing.nbytes
        case AllowList():
            made = vars(thing)
            return _held(thing.bitmap) + _held(made.get("ids")) + _held(made.get("bits"))
        case BitMap():
            facts = thing.get_statistics()
            return (
                facts["n_bytes_array_containers"] + facts["n_bytes_run_containers"] + facts["n_bytes_bitset_containers"]
            )
    raise AssertionError(f"{type(thing).__name__} has no size here")
