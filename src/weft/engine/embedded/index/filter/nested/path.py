"""NestedPath: ``cars[1].tires.width`` read against the schema.

Elements are the objects of an ``object[]`` property, and the one object of an ``object`` property of the collection. An
``object`` inside an element is a part of that element: it has no elements of its own.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from weft.domain.errors import Invalid
from weft.domain.schema import DataType, Property

Chain = tuple[str, ...]
"""The properties whose elements lie around a value, outermost first: ``("cars", "cars.tires")``; empty: an object."""

_INDEXED = re.compile(r"(.*?)\[([0-9]{1,19})\]", re.DOTALL)
_MOST_QUOTED = 80


@dataclass(frozen=True, slots=True)
class Step:
    """One name of a path, with its ``[index]``."""

    name: str
    index: int | None = None


@dataclass(frozen=True, slots=True)
class NestedPath:
    """``chain`` is around ``ends_in``, the property that the path leads to.

    ``pins``: at which indexes elements of the chain must be, by name.
    """

    written: str
    name: str
    ends_in: Property
    chain: Chain
    pins: Mapping[str, int] = field(default_factory=dict)
    index: int | None = None
    """The index of the last name."""

    @property
    def is_root(self) -> bool:
        """Whether it names a property of the collection itself."""
        return not self.chain


def steps_of(written: str) -> list[Step]:
    """The names between dots. A name that has no index at its very end is taken as it is."""
    found = []
    for part in written.split("."):
        indexed = _INDEXED.fullmatch(part)
        found.append(Step(part) if indexed is None else Step(indexed[1], int(indexed[2])))
    return found


def is_object(prop: Property) -> bool:
    return prop.data_type.element is DataType.OBJECT


def no_reference(prop: Property, refusal: str) -> Invalid:
    """Of a path whose parts are names of their own, which lead through references only."""
    dotted = f'; name a property of it with a dot: "{prop.name}.{prop.nested[0].name}"' if prop.nested else ""
    return Invalid(f"property {prop.name!r} is of type {prop.data_type}{refusal}{dotted}")


def resolve(written: str, root: Property) -> NestedPath:
    """``written``, whose first name is that of ``root``; raises Invalid where the schema has no such path."""
    steps = steps_of(written)
    assert is_object(root), f"{root.name} has no nested properties"
    quoted = written[:_MOST_QUOTED]
    first = steps[0]
    if first.index is not None and not root.data_type.is_array:
        raise Invalid(f'property "{root.name}" is of type "{root.data_type}" — [N] indexing requires an array type')
    name, prop = root.name, root
    chain: Chain = ()
    pins: dict[str, int] = {}
    index = first.index
    for step in steps[1:]:
        if not is_object(prop):
            raise Invalid(
                f'nested path "{quoted}": sub-property "{prop.name}" must be object or object[], got "{prop.data_type}"'
            )
        if prop is root or prop.data_type.is_array:
            chain = (*chain, name)
            if index is not None:
                pins[name] = index
        inner = next((one for one in prop.nested if one.name == step.name), None)
        if inner is None:
            known = ", ".join(sorted(one.name for one in prop.nested))
            raise Invalid(
                f'nested path "{quoted}": sub-property "{step.name[:_MOST_QUOTED]}" not found; '
                f'"{name}" has the properties {known}'
            )
        if step.index is not None and not inner.data_type.is_array:
            raise Invalid(
                f'nested path "{quoted}": sub-property "{inner.name}" is of type "{inner.data_type}" — [N] indexing '
                "requires an array type"
            )
        name, prop, index = f"{name}.{inner.name}", inner, step.index
    return NestedPath(written, name, prop, chain, pins, index)
