"""Items: hits as the resolvers of ``Get`` see them."""

from __future__ import annotations

from weft.domain import json_text
from weft.domain.answer import Answer, GenerationDetails, Group, Hit
from weft.domain.json_values import JsonObject
from weft.domain.objects import Value
from weft.domain.query import Query
from weft.domain.schema import CollectionConfig
from weft.wire.json.properties import properties_to_json


class Item:
    """One hit, an object of ``config``, and what is generated from it. ``group``: what it stands for in a grouped
    answer."""

    __slots__ = ("_values", "config", "details", "group", "grouped_result", "hit", "problem", "said", "single_result")

    def __init__(self, hit: Hit, config: CollectionConfig) -> None:
        self.hit = hit
        self.config = config
        self.group: dict[str, object] | None = None
        self.single_result = hit.generated
        self.grouped_result: str | None = None
        self.problem = hit.generation_error
        """Why there is no result, single or grouped."""
        self.details: GenerationDetails | None = hit.generation
        self.said: dict[str, JsonObject] = {}
        """What its vector is in words, by field of ``_additional``."""
        self._values: dict[str, Value] | None = None

    @property
    def values(self) -> dict[str, Value]:
        """The properties as JSON has them."""
        if self._values is None:
            self._values = properties_to_json(self.config, self.hit.record.properties)
        return self._values

    def linked(self, property: str) -> list[Item] | None:
        """The requested objects that a reference points to; None when the object has no such property, or it points
        only to objects of other collections or to none that exist. An empty property stays empty."""
        hits = self.hit.references.get(property)
        if hits is None:
            return None
        found = [Item(hit, hit.collection) for hit in hits if hit.collection is not None]
        return found if found or not self.hit.record.properties.get(property) else None


def items(answer: Answer, query: Query, config: CollectionConfig) -> list[Item]:
    """One for each hit, or for each group its first hit; a grouped task's result comes with the first."""
    if answer.groups is not None:
        assert query.group_by is not None
        path = query.group_by.property
        found = [_of_group(group, i, path, config) for i, group in enumerate(answer.groups)]
    else:
        found = [Item(hit, config) for hit in answer.hits]
    if found:
        found[0].grouped_result = answer.generated
        found[0].details = found[0].details or answer.generation
        found[0].problem = answer.generation_error or found[0].problem
    return found


def _of_group(group: Group, number: int, path: str, config: CollectionConfig) -> Item:
    first = Item(group.hits[0], config)
    first.single_result = group.generated
    first.details = group.generation
    first.problem = group.generation_error
    first.group = {
        "id": number,
        "groupedBy": {"path": [path], "value": group.name},
        "minDistance": json_text.single(group.min_distance),
        "maxDistance": json_text.single(group.max_distance),
        "count": len(group.hits),
        "hits": [Item(hit, config) for hit in group.hits],
    }
    return first
