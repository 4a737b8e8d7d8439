"""PostingsTail: the newest few documents, in dictionaries, until there are enough for a segment.

One thread adds; readers see the documents below the bound that they hold: lists are ascending and only grow.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

import numpy as np

from weft.domain.objects import Properties
from weft.engine.embedded.index.arrays import U32, U64
from weft.engine.embedded.index.filter.bitmaps import from_ids
from weft.engine.embedded.index.inverted.batch import encode
from weft.engine.embedded.index.inverted.fields import TextField, texts_of
from weft.engine.embedded.index.inverted.segment import MAX_FREQUENCY, MAX_LENGTH, FieldPostings, Segment, assemble


class TailField:
    """The postings of one property: for each token ``doc_id << 32 | pair`` (as in ``segment``), ascending."""

    def __init__(self, fingerprint: str) -> None:
        self.fingerprint = fingerprint
        self.postings: dict[bytes, list[int]] = {}
        self.documents: list[int] = []
        self.lengths: list[int] = []
        """Of each of ``documents``, up to ``MAX_LENGTH``."""

    def add(self, doc_id: int, tokens: list[str]) -> None:
        length = min(len(tokens), MAX_LENGTH)
        high = doc_id << 32 | length
        postings = self.postings
        for token, frequency in Counter(tokens).items():
            entry = high | min(frequency, MAX_FREQUENCY) << 20
            key = encode(token)
            entries = postings.get(key)
            if entries is None:
                postings[key] = [entry]
            else:
                entries.append(entry)
        self.lengths.append(length)
        self.documents.append(doc_id)

    def entries(self, token: bytes, bound: int) -> list[int]:
        """The entries of documents below ``bound``."""
        entries = self.postings.get(token)
        if entries is None:
            return []
        if entries[-1] >> 32 < bound:
            return entries.copy()
        return [entry for entry in entries if entry >> 32 < bound]

    def part(self) -> FieldPostings:
        keys = sorted(self.postings)
        counts = np.fromiter((len(self.postings[key]) for key in keys), np.int64, len(keys))
        posts = np.concatenate((np.zeros(1, np.int64), np.cumsum(counts)))
        packed = np.fromiter((entry for key in keys for entry in self.postings[key]), np.uint64, int(posts[-1]))
        sizes = np.fromiter(map(len, keys), np.int64, len(keys))
        return FieldPostings(
            self.fingerprint,
            np.array(bytearray(b"".join(keys)), np.uint8),
            np.concatenate((np.zeros(1, np.int64), np.cumsum(sizes))),
            posts,
            docs_of(packed),
            pairs_of(packed),
            from_ids(np.asarray(self.documents, np.uint32)),
            np.asarray(self.lengths, np.uint32),
        )


class PostingsTail:
    def __init__(self, first: int) -> None:
        self.first = first
        self.members: list[int] = []
        self.fields: dict[str, TailField] = {}

    def add(self, doc_id: int, properties: Properties, fields: Mapping[str, TextField]) -> None:
        for name, field in fields.items():
            value = properties.get(name)
            if value is None:
                continue
            tokens = [token for text in texts_of(value) for token in field.tokens(text)]
            if not tokens:
                continue
            mine = self.fields.get(name)
            if mine is None:
                mine = self.fields[name] = TailField(field.fingerprint)
            mine.add(doc_id, tokens)
        self.members.append(doc_id)

    def segment(self) -> Segment:
        """The same documents as a segment."""
        parts = {name: field.part() for name, field in self.fields.items()}
        members = from_ids(np.asarray(self.members, np.uint32))
        return assemble(self.first, self.members[-1] + 1, members, parts)


def docs_of(entries: U64) -> U32:
    """``(n,)``: the doc_id of each of ``entries (n,)``."""
    return (entries >> np.uint64(32)).astype(np.uint32)


def pairs_of(entries: U64) -> U32:
    """``(n,)``: the pair of each of ``entries (n,)``."""
    return (entries & np.uint64(0xFFFFFFFF)).astype(np.uint32)
