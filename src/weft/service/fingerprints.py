"""Which model made the stored vectors. Vectors of different models cannot be compared, whatever their dimensions.

With each vector that a module makes, the module's fingerprint is stored in the same commit. A module is used, for an
import or for a query, only if its fingerprint is still the stored one, or if no fingerprint is stored. An import may
state the fingerprint of vectors that it brings along; it is stored in the same way, and has to be the same.
"""

from __future__ import annotations

from collections.abc import Sequence

from weft.domain.errors import Invalid
from weft.domain.objects import Object
from weft.domain.schema import VectorConfig
from weft.engine.part import Part
from weft.modules.base import UNKNOWN


def other_model(part: Part, vector: VectorConfig, model: str) -> Invalid | None:
    """An error if the part's vectors of this name were made by another model than that of fingerprint ``model``.

    A part that has lost all its objects may change its model.
    """
    stored = part.models.get(vector.name)
    if stored is None or may_be_one(stored, model) or not part.count:
        return None
    return Invalid(
        f"the vectors {vector.public_name!r} of class {part.config.name} were made by {spelled(stored)}; this server "
        f"now uses {spelled(model)}, and vectors of two models cannot be compared. Start the server with the model "
        "that made these vectors, or import into a new collection; queries that do not need the model still work: "
        "searches by keyword, by filter and by a given vector, and imports of objects with vectors",
        stored=stored,
        asked=model,
    )


def foreign(part: Part, objects: Sequence[Object]) -> list[Invalid | None]:
    """For each object, to be stored in ``part``: an error if one of its ``models`` is another than that of the part's
    vectors of that name. A part that has lost all its objects may change its model."""
    stored = part.models if part.count else {}
    if not stored or not any(obj.models for obj in objects):
        return [None] * len(objects)
    errors = {
        (name, model): _unlike(part, name, model)
        for name, model in {pair for obj in objects for pair in obj.models.items()}
        if name in stored and not may_be_one(stored[name], model)
    }
    return [next((errors[one] for one in obj.models.items() if one in errors), None) for obj in objects]


def _unlike(part: Part, name: str, model: str) -> Invalid:
    stored = part.models[name]
    return Invalid(
        f"the vectors {name!r} of class {part.config.name} were made by {spelled(stored)}, and those of this import by "
        f"{spelled(model)}; vectors of two models cannot be compared. Import into a new collection, or leave the "
        "vectors out",
        stored=stored,
        asked=model,
    )


def may_be_one(stored: str, model: str) -> bool:
    """Whether all parts that both of them know are equal."""
    parts, others = stored.split("|"), model.split("|")
    return len(parts) == len(others) and all(
        one == other or UNKNOWN in (one, other) for one, other in zip(parts, others, strict=True)
    )


def spelled(fingerprint: str) -> str:
    """A fingerprint for people, without its empty and unknown parts."""
    module, *parts = fingerprint.split("|")
    known = ", ".join(part for part in parts if part not in ("", UNKNOWN))
    return f"{module} ({known})" if known else module
