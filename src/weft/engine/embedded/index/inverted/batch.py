"""A batch of objects to a segment: all texts of a property are tokenised, numbered and sorted together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import accumulate
from typing import Any

import numpy as np
import numpy.typing as npt

from weft.domain.objects import Properties
from weft.domain.schema import Tokenization
from weft.engine.embedded.index.arrays import U32
from weft.engine.embedded.index.filter.bitmaps import from_ids
from weft.engine.embedded.index.inverted.fields import TextField, texts_of
from weft.engine.embedded.index.inverted.segment import MAX_LENGTH, FieldPostings, Segment, assemble, pack
from weft.engine.text.tokenize import BYTE_TABLES

_SEPARATOR = b"\xff"


def segment_of(
    first: int, doc_ids: Sequence[int], properties: Sequence[Properties], fields: Mapping[str, TextField]
) -> Segment:
    """The segment of the batch, whose doc_ids ascend; it claims the doc_ids from ``first`` on."""
    ids = np.asarray(doc_ids, np.uint32)
    parts = {}
    for name, field in fields.items():
        part = _part(field, ids, properties)
        if part is not None:
            parts[name] = part
    return assemble(first, int(ids[-1]) + 1, from_ids(ids), parts)


def _part(field: TextField, ids: U32, properties: Sequence[Properties]) -> FieldPostings | None:
    rows, texts = _texts(field.name, properties)
    if not texts:
        return None
    from weft.engine.embedded.index.inverted.kernels import invert, scan

    blob, ends = _bytes_of(texts, field)
    row_array = np.asarray(rows, np.uint32)
    blob_array = np.frombuffer(blob, np.uint8)
    numbers, owners, begins, finishes = scan(blob_array, ends, row_array, field.tokenization is Tokenization.FIELD)
    if not len(numbers):
        return None
    keys, offsets, posts, holders, frequencies, lengths = invert(
        blob_array, numbers, owners, begins, finishes, len(ids)
    )
    there = lengths > 0
    return FieldPostings(
        field.fingerprint,
        keys,
        offsets,
        posts,
        ids[holders],
        pack(frequencies, lengths[holders]),
        from_ids(ids[there]),
        np.minimum(lengths[there], MAX_LENGTH).astype(np.uint32),
    )


def _texts(name: str, properties: Sequence[Properties]) -> tuple[list[int], list[str]]:
    given: list[Any] = [values.get(name) for values in properties]
    if all(type(value) is str for value in given):
        return list(range(len(given))), given
    rows: list[int] = []
    texts: list[str] = []
    for row, value in enumerate(given):
        if value is None:
            continue
        if type(value) is str:
            rows.append(row)
            texts.append(value)
        else:
            members = texts_of(value)
            rows += [row] * len(members)
            texts += members
    return rows, texts


def _bytes_of(texts: list[str], field: TextField) -> tuple[bytes, npt.NDArray[np.int64]]:
    """All texts as ``kernels.scan`` takes them: tokens in UTF-8 with separators between, and where each text ends."""
    table = BYTE_TABLES.get(field.tokenization)
    if table is None:
        made = {text: _SEPARATOR.join(map(encode, field.tokens(text))) for text in set(texts)}
        pieces = [made[text] for text in texts]
        return b"".join(pieces), np.fromiter(accumulate(map(len, pieces)), np.int64, len(pieces))
    whole = "".join(texts)
    sizes = list(map(len, texts))
    if not whole.isascii():
        for at, text in enumerate(texts):
            if not text.isascii():
                # Tokens hold no ASCII character that the table separates at, so they stay apart by one that it does.
                texts[at] = " ".join(field.tokens(text))
                sizes[at] = len(encode(texts[at]))
        whole = "".join(texts)
    return encode(whole).translate(table), np.fromiter(accumulate(sizes), np.int64, len(sizes))


def encode(token: str) -> bytes:
    """UTF-8; a lone surrogate, which JSON can smuggle in, is kept as it is."""
    return token.encode("utf-8", "surrogatepass")
