"""A batch of objects to a segment: all texts of a property are tokenised, numbered and sorted together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import accumulate

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
    from weft.engine.embedded.index.inverted.kernels import scan

    blob, ends = _bytes_of(texts, field)
    row_array = np.asarray(rows, np.uint32)
    blob_array = np.frombuffer(blob, np.uint8)
    numbers, owners, begins, finishes = scan(blob_array, ends, row_array, field.tokenization is Tokenization.FIELD)
    if not len(numbers):
        return None
    keys = [blob[begin:finish] for begin, finish in zip(begins.tolist(), finishes.tolist(), strict=True)]
    order = np.asarray(sorted(range(len(keys)), key=keys.__getitem__))
    rank = np.empty(len(keys), np.uint64)
    rank[order] = np.arange(len(keys), dtype=np.uint64)
    return _postings(field, ids, [keys[i] for i in order.tolist()], rank[numbers] << np.uint64(32) | owners, owners)


def _postings(
    field: TextField, ids: U32, keys: list[bytes], occurrences: npt.NDArray[np.uint64], owners: U32
) -> FieldPostings:
    """``occurrences``: for each token its term in the upper and its row in the lower half."""
    occurrences.sort()
    starts = np.flatnonzero(np.concatenate(([True], occurrences[1:] != occurrences[:-1])))
    distinct = occurrences[starts]
    rows = (distinct & np.uint64(0xFFFFFFFF)).astype(np.int64)
    frequencies = np.diff(starts, append=len(occurrences))
    lengths = np.bincount(owners, minlength=len(ids))
    posts = np.searchsorted(distinct, np.arange(len(keys) + 1, dtype=np.uint64) << np.uint64(32))
    return FieldPostings(
        field.fingerprint,
        np.frombuffer(b"".join(keys), np.uint8),
        np.fromiter(accumulate(map(len, keys), initial=0), np.int64, len(keys) + 1),
        posts.astype(np.int64),
        ids[rows],
        pack(frequencies, lengths[rows]),
        from_ids(ids[lengths > 0]),
        np.minimum(lengths[lengths > 0], MAX_LENGTH).astype(np.uint32),
    )


def _texts(name: str, properties: Sequence[Properties]) -> tuple[list[int], list[str]]:
    rows: list[int] = []
    texts: list[str] = []
    for row, values in enumerate(properties):
        value = values.get(name)
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
        pieces = [_SEPARATOR.join(map(encode, field.tokens(text))) for text in texts]
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
