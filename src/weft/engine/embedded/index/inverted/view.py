"""InvertedView: one immutable state of the index, as a query sees it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from weft.domain.errors import Invalid
from weft.domain.schema import CollectionConfig
from weft.engine.embedded.index.inverted.fields import TextField
from weft.engine.embedded.index.inverted.segment import Segment
from weft.engine.embedded.index.inverted.tail import PostingsTail, TailField


class FieldTotals(NamedTuple):
    """Of a property: the number of its tokens and of the documents that have any."""

    tokens: int
    documents: int


@dataclass(frozen=True, eq=False)
class InvertedView:
    config: CollectionConfig
    fields: Mapping[str, TextField]
    segments: tuple[Segment, ...]
    tail: PostingsTail
    bound: int
    """Every doc_id below it has been added; the tail's entries from there on are not visible."""
    count: int
    """Documents, dead ones included until a merge leaves them out."""
    totals: Mapping[str, FieldTotals]
    searches: dict[object, object] = field(default_factory=dict)
    """The results of ``query`` for lists of properties, cached."""

    def field(self, name: str) -> TextField:
        """The text property; raises Invalid when it has no index."""
        found = self.fields.get(name)
        if found is not None:
            return found
        if name not in self.config.by_name:
            raise Invalid(f"collection {self.config.name} has no property {name!r}", property=name)
        raise Invalid(
            f"property {name!r} of collection {self.config.name} has no inverted index of text; "
            "set indexFilterable or indexSearchable on a text property",
            property=name,
        )

    def tail_field(self, name: str) -> TailField | None:
        return self.tail.fields.get(name)

    def average_length(self, name: str) -> float:
        """The mean length of the property over the documents that have it; 1 when none has."""
        totals = self.totals.get(name)
        return totals.tokens / totals.documents if totals is not None and totals.documents else 1.0


def totals_of(segments: tuple[Segment, ...]) -> dict[str, FieldTotals]:
    """Of the segments together, by property."""
    totals: dict[str, FieldTotals] = {}
    for segment in segments:
        for name, place in segment.fields.items():
            before = totals.get(name, FieldTotals(0, 0))
            totals[name] = FieldTotals(before.tokens + place.tokens, before.documents + len(place.documents))
    return totals
