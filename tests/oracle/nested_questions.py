"""Objects in objects and filters on them, made at random: every type, every operator, indexes, all combinations."""

from __future__ import annotations

import random
from typing import Any
from uuid import UUID

from weft.domain.filters import And, Condition, Filter, Not, Operator, Or, PropertyTarget
from weft.domain.objects import Object
from weft.domain.schema import CollectionConfig, DataType, Property, TextAnalyzer, Tokenization

VALUES: dict[DataType, list[Any]] = {
    DataType.INT: [-(2**63), 0, 1, 2, 2**53 + 1],
    DataType.NUMBER: [-1.5, 0.0, 0.25, 2.0],
    DataType.BOOLEAN: [True, False],
    DataType.DATE: [
        "2024-05-13T09:30:00Z",
        "2024-05-13T11:30:00+02:00",
        "2024-05-13T09:30:00.5Z",
        "1900-01-01T00:00:00Z",
    ],
    DataType.UUID: [str(UUID(int=n)) for n in (0, 256, 2**127)],
    DataType.TEXT: ["", "red", "the red", "Red blue", "blue été", "!!!", "a@b red"],
}
_ASKED = {**VALUES, DataType.TEXT: ["red", "red blue", "the blue", "Été", "b"]}
_PATTERNS = ["r*", "?lue", "*e*", "*@*", "red b*"]

_ORDER = [Operator.GREATER_THAN, Operator.GREATER_THAN_EQUAL, Operator.LESS_THAN, Operator.LESS_THAN_EQUAL]
_COMPARED = [Operator.EQUAL, Operator.EQUAL, Operator.NOT_EQUAL, *_ORDER]
_LISTED = [Operator.CONTAINS_ANY, Operator.CONTAINS_ALL, Operator.CONTAINS_NONE]

_LEAVES = (
    Property("a", DataType.INT),
    Property("x", DataType.NUMBER_ARRAY),
    Property("b", DataType.BOOLEAN),
    Property("d", DataType.DATE_ARRAY),
    Property("u", DataType.UUID),
    Property("t", DataType.TEXT, tokenization=Tokenization.WORD),
    Property("f", DataType.TEXT_ARRAY, tokenization=Tokenization.FIELD, text_analyzer=TextAnalyzer(ascii_fold=True)),
)
_TIRES = Property("tires", DataType.OBJECT_ARRAY, nested=(*_LEAVES[:2], _LEAVES[6]))
_PETS = Property("pets", DataType.OBJECT_ARRAY, nested=(_LEAVES[0], _LEAVES[5]))
_OWNER = Property("owner", DataType.OBJECT, nested=(*_LEAVES[4:6], _PETS))
CONFIG = CollectionConfig(
    "Garage",
    (
        Property("n", DataType.INT),
        Property("cars", DataType.OBJECT_ARRAY, nested=(*_LEAVES, _TIRES, _OWNER)),
        Property("one", DataType.OBJECT, nested=(*_LEAVES, _TIRES)),
    ),
)


class Maker:
    """Objects and filters of one seed."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)

    def object(self, n: int) -> Object:
        properties = {prop.name: self._value(prop) for prop in CONFIG.properties if self._random.random() < 0.8}
        return Object(n.to_bytes(16, "big"), properties)

    def filter(self, depth: int = 0) -> Filter:
        chance = self._random.random()
        if depth > 3 or chance < 0.4:
            return self._condition()
        if chance > 0.85:
            return Not(self.filter(depth + 1))
        parts = tuple(self.filter(depth + 1) for _ in range(self._random.randint(1, 3)))
        return And(parts) if chance < 0.7 else Or(parts)

    def _value(self, prop: Property) -> Any:
        if self._random.random() < 0.1:
            return None
        if prop.data_type.is_array:
            return [self._one(prop) for _ in range(self._random.choice([0, 1, 1, 2, 3]))]
        return self._one(prop)

    def _one(self, prop: Property) -> Any:
        if prop.data_type.element is not DataType.OBJECT:
            return self._random.choice(VALUES[prop.data_type.element])
        return {inner.name: self._value(inner) for inner in prop.nested if self._random.random() < 0.7}

    def _path(self) -> tuple[str, Property]:
        prop = self._random.choice(CONFIG.properties)
        path = self._named(prop)
        while prop.nested:
            if self._random.random() < 0.1:
                break
            prop = self._random.choice(prop.nested)
            path = f"{path}.{self._named(prop)}"
        return path, prop

    def _named(self, prop: Property) -> str:
        pinned = prop.data_type.is_array and self._random.random() < 0.2
        return f"{prop.name}[{self._random.randint(0, 2)}]" if pinned else prop.name

    def _condition(self) -> Condition:
        path, prop = self._path()
        target, element = PropertyTarget(path), prop.data_type.element
        if element is DataType.OBJECT or (self._random.random() < 0.2 and "." in path):
            return Condition(Operator.IS_NULL, target, self._random.random() < 0.5)
        if element is DataType.TEXT and self._random.random() < 0.2:
            return Condition(Operator.LIKE, target, self._random.choice(_PATTERNS))
        if self._random.random() < 0.3:
            fewest = 1 if element is DataType.TEXT else 0
            values = self._random.sample(_ASKED[element], self._random.randint(fewest, 2))
            return Condition(self._random.choice(_LISTED), target, tuple(values))
        return Condition(self._random.choice(_COMPARED), target, self._random.choice(_ASKED[element]))
