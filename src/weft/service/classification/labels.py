"""Labels: which reference each property of an object gets. Each kind of classification has its own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple, Protocol

from weft.domain.errors import Invalid
from weft.domain.objects import Reference, Vector
from weft.engine.results import NO_NEIGHBOURS, Neighbours
from weft.engine.selection import Selection
from weft.engine.view import View


class Labels(Protocol):
    def of(self, vector: Vector | None, text: str | None) -> Mapping[str, Reference]:
        """The label of each property, as far as there is one, for an object with ``vector (d,)`` and ``text``. Raises
        Invalid for an object that cannot be classified."""
        ...


class Candidates(NamedTuple):
    """Objects of ``view``: those in ``within``; None: all."""

    view: View
    vector_name: str
    within: Selection | None = None

    def nearest(self, query: Vector, k: int) -> Neighbours:
        """The ``k`` nearest to ``query (d,)``. Raises Invalid for other dimensions than theirs."""
        dims = self.view.dims(self.vector_name, query.shape[-1])
        if dims is None:
            return NO_NEIGHBOURS
        if dims != query.shape[-1]:
            raise Invalid(
                f"its vector has {query.shape[-1]} dimensions, those of class {self.view.config.name} have {dims}"
            )
        return self.view.nearest(self.vector_name, query, k, self.within, None)


def given_vector(vector: Vector | None) -> Vector:
    """Raises Invalid where there is none."""
    if vector is None:
        raise Invalid("it has no vector")
    return vector
