"""InvertedView: one immutable state of the index, as a query sees it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from weft.domain.errors import Invalid
from weft.domain.schema import CollectionConfig
from weft.engine.embedded.index.inverted.fields import TextField
from weft.engine.embedded.index.inverted.segment import Segment
from weft.engine.embedded.index.inverted.statistics import Population, Statistics
from weft.engine.embedded.index.inverted.tail import PostingsTail, TailField

_KEPT_STATES = 4


@dataclass(frozen=True, eq=False)
class InvertedView:
    config: CollectionConfig
    fields: Mapping[str, TextField]
    segments: tuple[Segment, ...]
    tail: PostingsTail
    bound: int
    """Every doc_id below it has been added; the tail's entries from there on are not visible."""
    whole: Population
    """All its documents, dead ones included until a merge leaves them out."""
    searches: dict[object, object] = field(default_factory=dict)
    """The results of ``query`` for lists of properties, cached."""
    counted: dict[Population, Statistics] = field(default_factory=dict)

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

    def statistics(self, population: Population) -> Statistics:
        """Those of ``population``; computed once for each."""
        known = self.counted.get(population)
        if known is None:
            if len(self.counted) >= _KEPT_STATES:
                self.counted.clear()
            known = Statistics(self.segments, self.tail, self.bound, population)
            self.counted[population] = known
        return known
