"""Validation of the vectors that requests and modules provide, before an engine sees them.

A vector is single or multi as its collection says, is finite, and has the dimensions of the first one stored.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias

import numpy as np

from weft.domain.errors import Invalid
from weft.domain.objects import Object, Vector
from weft.domain.schema import CollectionConfig, VectorConfig, is_revision
from weft.engine.pooling import pool_tokens
from weft.engine.view import View

Dims: TypeAlias = Callable[[str], int | None]
"""The dimensions of the vectors of that name; None while there are none."""


def checked_vectors(config: CollectionConfig, vectors: dict[str, Vector]) -> dict[str, Vector]:
    """The vectors of a request as they are stored: by the engines' names, with their tokens pooled if the collection
    says so.

    Raises Invalid for an unknown vector, one whose index was dropped or one of the wrong kind; ``unfit`` checks their
    numbers.
    """
    for name, vector in vectors.items():
        target = config.vectors.get(name)
        if target is None:
            raise Invalid(_unknown(config, name))
        if target.index.is_dropped:
            raise Invalid(f"the vector index of {name!r} was dropped, so it takes no more vectors; leave this one out")
        _check_one(target, vector)
    if not config.revisions and config.vectors.keys() == config.stored.keys():
        return {name: pooled(config.vectors[name], vector) for name, vector in vectors.items()}
    return {
        one.name: pooled(one, vector)
        for name, vector in vectors.items()
        for one in _taking(config, config.vectors[name])
    }


def _taking(config: CollectionConfig, vector: VectorConfig) -> list[VectorConfig]:
    """The vectors that one given as ``vector`` is: itself, and the revisions of it that have the same source."""
    same = [
        one for one in config.revisions.values() if one.public_name == vector.public_name and one.is_made_as(vector)
    ]
    return [vector, *same]


def leave_out_removed(config: CollectionConfig, obj: Object) -> None:
    """The vectors of revisions that ``config`` does not have: they were removed after the vectors were made."""
    for name in obj.vectors.keys() - config.stored.keys():
        if is_revision(name):
            del obj.vectors[name]
            obj.models.pop(name, None)


def make_public(config: CollectionConfig, obj: Object) -> Object:
    """``obj`` with the vectors that searches use, by their names in the schema, without those of other revisions."""
    if config.revisions or config.vectors.keys() != config.stored.keys():
        names = {vector.name: name for name, vector in config.vectors.items()}
        obj.vectors = {names[name]: vector for name, vector in obj.vectors.items() if name in names}
    return obj


def pooled(target: VectorConfig, vector: Vector) -> Vector:
    """The vector as it is stored: a multi-vector has fewer tokens if the collection says so."""
    multi = target.index.multivector
    if multi is None or multi.pooling == 1:
        return vector
    return pool_tokens(vector, multi.pooling)


def unfit(view: View, objects: Sequence[Object]) -> list[Invalid | None]:
    """For each of ``objects``, to be stored in this order: the error of its vectors, or None.

    The first valid vector of a name fixes the dimensions of those after it. Cost: one pass over all numbers.
    """
    return unfit_for(view.config, view.dims, objects)


def unfit_for(config: CollectionConfig, stored: Dims, objects: Sequence[Object]) -> list[Invalid | None]:
    """See ``unfit``; ``stored``: the dimensions of those that are there already."""
    by_name: dict[str, list[Vector]] = {}
    for obj in objects:
        for name, vector in obj.vectors.items():
            by_name.setdefault(name, []).append(vector)
    if all(_are_alike(config.stored[name], stored(name), vectors) for name, vectors in by_name.items()):
        return [None] * len(objects)
    return _one_by_one(config, stored, objects)


def _are_alike(target: VectorConfig, dims: int | None, vectors: Sequence[Vector]) -> bool:
    """Whether all of ``vectors`` are valid, checked as one array."""
    multi = target.index.multivector is not None
    shapes = {vector.shape for vector in vectors}
    axes = 2 if multi else 1
    if not all(len(shape) == axes and 0 not in shape for shape in shapes):
        return False
    widths = {shape[-1] for shape in shapes}
    if len(widths) != 1 or (dims and widths != {dims}):
        return False
    return bool(np.isfinite(np.concatenate(vectors, axis=0)).all())


def _one_by_one(config: CollectionConfig, stored: Dims, objects: Sequence[Object]) -> list[Invalid | None]:
    """See ``unfit``."""
    errors: list[Invalid | None] = [None] * len(objects)
    dims: dict[str, int] = {}
    valid: dict[str, tuple[list[int], list[Vector]]] = {}
    for i, obj in enumerate(objects):
        if not obj.vectors:
            continue
        fixed: dict[str, int] = {}
        try:
            for name, vector in obj.vectors.items():
                expected = dims.get(name) or stored(name)
                _check_shape(config.stored[name], vector, expected)
                if not expected:
                    _check_finite(name, vector)
                    fixed[name] = vector.shape[-1]
        except Invalid as error:
            errors[i] = error
            continue
        dims |= fixed
        for name, vector in obj.vectors.items():
            places, vectors = valid.setdefault(name, ([], []))
            places.append(i)
            vectors.append(vector)
    for name, (places, vectors) in valid.items():
        if np.isfinite(np.concatenate(vectors, axis=0)).all():
            continue
        for i, vector in zip(places, vectors, strict=True):
            try:
                _check_finite(name, vector)
            except Invalid as error:
                errors[i] = errors[i] or error
    return errors


def _check_finite(name: str, vector: Vector) -> None:
    if not np.isfinite(vector).all():
        raise Invalid(f"vector {name!r} contains NaN or an infinity; send finite numbers", vector=name)


def _check_shape(target: VectorConfig, vector: Vector, dims: int | None) -> None:
    name = target.public_name
    multi = target.index.multivector is not None
    if vector.ndim != (2 if multi else 1) or 0 in vector.shape:
        if multi:
            wanted = "send a list of lists of numbers, none empty"
            raise Invalid(f"multi-vector {name!r} has shape {vector.shape}; {wanted}", vector=name)
        raise Invalid(f"vector {name!r} has shape {vector.shape}; send one list of at least one number", vector=name)
    got = vector.shape[-1]
    if dims and got != dims:
        raise Invalid(
            f"vector {name!r} has {got} dimensions and those stored before it have {dims}; "
            "send vectors of the same model, or create another collection",
            vector=name,
            expected_dims=dims,
            got_dims=got,
        )


def _check_one(target: VectorConfig, vector: Vector) -> None:
    multi = target.index.multivector is not None
    if multi and vector.ndim != 2:
        raise Invalid(
            f"vector {target.public_name!r} is a multi-vector: it takes a list of token vectors, not one vector of "
            f"{vector.shape[-1]} numbers"
        )
    if not multi and vector.ndim != 1:
        raise Invalid(
            f"vector {target.public_name!r} is a single vector: it takes one list of numbers, not {vector.shape[0]} "
            "token vectors; enable multivector on its index to store those"
        )
    if vector.size == 0:
        raise Invalid(f"vector {target.public_name!r} is empty")


def _unknown(config: CollectionConfig, name: str) -> str:
    if not config.named_vectors:
        return f"collection {config.name} is configured without named vectors, but received named vector {name!r}"
    return (
        f"collection {config.name} has no vector {name!r}; its vectors are {', '.join(config.vectors)}. "
        "Add it to the collection, or send one of those"
    )
