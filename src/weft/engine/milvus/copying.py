"""A collection of Milvus copied into another one that has more vectors, or other indexes.

Writers of this process wait meanwhile. Those of other servers do not: what they have written to the old one until the
alias led to the new one is copied afterwards, unless they have written the same object again since.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

from weft.engine.milvus.connection import MilvusConnection
from weft.engine.milvus.expressions import EVERYTHING, ID
from weft.engine.milvus.schema import MilvusShape, empty_vectors
from weft.engine.milvus.terms import KEYS, literal
from weft.engine.remote.keys import VERSION

_AT_ONCE: Final = 500


def copy(requests: MilvusConnection, old: MilvusShape, new: MilvusShape, switch: Callable[[], None]) -> None:
    """``switch`` makes readers and writers use ``new``; it is called once, when that has every row of ``old``."""
    added = empty_vectors(new, old)
    fields = [field for field in old.fields if field in new.fields]
    copied: dict[str, object] = {}
    for page in _pages(requests, old, fields):
        requests.upsert(new.name, [row | added for row in page])
        copied |= {row[ID]: _version(row) for row in page}
    switch()
    seen: set[str] = set()
    for page in _pages(requests, old, [ID, KEYS]):
        seen.update(row[ID] for row in page)
        later = [row[ID] for row in page if copied.get(row[ID]) != _version(row)]
        if later and (unchanged := _unchanged(requests, new, later, copied)):
            rows = requests.query(old.name, _among(unchanged), fields, len(unchanged))
            requests.upsert(new.name, [row | added for row in rows])
    gone = [one for one in copied if one not in seen]
    for start in range(0, len(gone), _AT_ONCE):
        if unchanged := _unchanged(requests, new, gone[start : start + _AT_ONCE], copied):
            requests.delete(new.name, _among(unchanged))


def _pages(requests: MilvusConnection, shape: MilvusShape, fields: Sequence[str]) -> Iterator[list[dict[str, Any]]]:
    after = ""
    while True:
        behind = f"{ID} > {literal(after)}" if after else EVERYTHING
        page = requests.query(shape.name, behind, fields, _AT_ONCE)
        if page:
            yield page
        if len(page) < _AT_ONCE:
            return
        after = max(row[ID] for row in page)


def _unchanged(
    requests: MilvusConnection, new: MilvusShape, keys: Sequence[str], copied: Mapping[str, object]
) -> list[str]:
    """Those of which ``new`` has what was copied, or nothing."""
    found = {row[ID]: _version(row) for row in requests.query(new.name, _among(keys), [ID, KEYS], len(keys))}
    return [key for key in keys if found.get(key) == copied.get(key)]


def _among(keys: Sequence[str]) -> str:
    return f"{ID} in [{', '.join(map(literal, keys))}]"


def _version(row: Mapping[str, Any]) -> object:
    return row[KEYS].get(VERSION.name)
