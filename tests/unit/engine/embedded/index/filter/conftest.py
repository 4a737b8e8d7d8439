from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import pytest
from pyroaring import BitMap

from weft.domain.objects import Object
from weft.domain.schema import CollectionConfig, InvertedConfig, Property
from weft.engine.embedded.index.filter.index import FilterIndex


class Texts:
    """A text index over the objects that it was given: words, lower-cased; stop words "the" and "a"."""

    def __init__(self) -> None:
        self.objects: dict[int, Object] = {}

    def _where(self, property: str, test: Callable[[str], bool]) -> BitMap:
        return BitMap(
            i
            for i, o in self.objects.items()
            if any(test(t) for t in self.analyze(property, o.properties.get(property) or ""))
        )

    def documents(self, property: str, token: str) -> BitMap:
        return self._where(property, lambda t: t == token)

    def matching(self, property: str, pattern: str) -> BitMap:
        expression = re.escape(pattern.lower()).replace(r"\?", ".").replace(r"\*", ".*")
        return self._where(property, lambda t: re.fullmatch(expression, t) is not None)

    def range(self, property: str, low: str | None, high: str | None, include_low: bool, include_high: bool) -> BitMap:
        return self._where(
            property,
            lambda t: (
                (low is None or t > low or (include_low and t == low))
                and (high is None or t < high or (include_high and t == high))
            ),
        )

    def analyze(self, property: str, text: str) -> list[str]:
        return re.findall(r"\w+", text.lower())

    def stopwords(self, property: str) -> Iterable[str]:
        return ("the", "a")


class FilledIndex:
    """An index with its objects: doc_ids 0, 1, 2…, all live unless deleted."""

    def __init__(self, folder: Path, properties: Sequence[Property], inverted: InvertedConfig) -> None:
        self.folder, self.texts = folder, Texts()
        self.config = CollectionConfig(name="Things", properties=tuple(properties), inverted=inverted)
        self.index = FilterIndex(folder, self.config, self.texts)
        self.live = BitMap()

    def add(self, *properties: dict[str, Any]) -> None:
        first = len(self.texts.objects)
        ids = list(range(first, first + len(properties)))
        made = [Object(i.to_bytes(16, "big"), p, {}, 1000 + i, 2000 + i) for i, p in zip(ids, properties, strict=True)]
        self.texts.objects.update(zip(ids, made, strict=True))
        self.index.add(ids, made)
        self.live = self.live | BitMap(ids)

    def find(self, filter: Any) -> list[int]:
        return list(self.index.evaluate(filter, self.live))

    def read(self, doc_ids: Any, name: str) -> list[Any]:
        return [self.texts.objects[int(i)].properties.get(name) for i in doc_ids]

    def reopen(self) -> None:
        self.index.close()
        self.index = FilterIndex(self.folder, self.config, self.texts)


ALL = InvertedConfig(index_null_state=True, index_property_length=True, index_timestamps=True)


@pytest.fixture
def fill(tmp_path: Path) -> Callable[..., FilledIndex]:
    return lambda *properties, inverted=ALL: FilledIndex(tmp_path / "filter", properties, inverted)
