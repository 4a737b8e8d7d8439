"""What hits carry: checks of the requested parts, and the vectors, which are not part of their records."""

from __future__ import annotations

from collections.abc import Sequence

from weft.domain.answer import Hit
from weft.domain.errors import Invalid
from weft.domain.names import unknown_property
from weft.domain.query import NestedSelection, Returns
from weft.domain.schema import CollectionConfig, DataType, Property
from weft.engine.view import View


def vector_names(config: CollectionConfig, returns: Returns) -> list[str]:
    """The vectors that ``returns`` asks for; raises Invalid for one that the collection does not have."""
    if returns.vector:
        return list(config.vectors)
    for name in returns.vectors:
        if name not in config.vectors:
            raise Invalid(
                f"class {config.name} does not have named vector {name} configured. "
                f"Available named vectors [{' '.join(config.vectors)}]"
            )
    return list(returns.vectors)


def check_returned(config: CollectionConfig, returns: Returns) -> None:
    """Raises Invalid for names that the collection does not have, and for properties that are requested as if they were
    of another type: a reference as a value, a value as an object."""
    for name in returns.properties or ():
        if _known(config, name).data_type is DataType.REFERENCE:
            raise Invalid(
                f"property {name!r} of class {config.name} is a reference; request it as one, with the properties of "
                "the objects that it points to"
            )
    for nested in returns.nested:
        _check_object(_known(config, nested.name), nested, f"property {nested.name!r} of class {config.name}")
    vector_names(config, returns)


def _known(config: CollectionConfig, name: str) -> Property:
    known = config.by_name.get(name)
    if known is None:
        raise unknown_property(name, config.name)
    return known


def _check_object(known: Property, asked: NestedSelection, where: str) -> None:
    if known.data_type.element is not DataType.OBJECT:
        raise Invalid(f"{where} is of type {known.data_type}, not an object; request it without nested properties")
    inner = {one.name: one for one in known.nested}
    for name in asked.fields:
        if name in inner and inner[name].data_type.element is DataType.OBJECT:
            raise Invalid(f"{name!r} of {where} is an object; request it with the names of its own properties")
    for nested in asked.nested:
        if nested.name in inner and inner[nested.name].data_type.element is DataType.OBJECT:
            _check_object(inner[nested.name], nested, f"{nested.name!r} of {where}")


def fill_vectors(view: View, config: CollectionConfig, returns: Returns, hits: Sequence[Hit]) -> None:
    """Give ``hits``, objects of ``view``, the requested vectors, as far as they have them."""
    for name in vector_names(config, returns):
        stored = config.vectors[name].name
        for hit, vector in zip(hits, view.vectors(stored, [h.doc_id for h in hits]), strict=True):
            if vector is not None:
                hit.vectors[name] = vector
