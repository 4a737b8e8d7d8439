"""Effort: how far a search looks, by the configuration and the number of objects that it is for."""

from __future__ import annotations

from dataclasses import dataclass

from weft.domain.schema import QuantizerKind, VectorIndexConfig
from weft.engine.embedded.index.vector.codes import ByteCodes
from weft.engine.embedded.index.vector.frozen import Frozen
from weft.engine.embedded.index.vector.graph import Graph
from weft.engine.embedded.index.vector.query import LINEAR

_ROWS_PER_EF = 80
"""Rows of byte codes scanned in about the time that a walk takes for one unit of ef, at 384 dims."""
_FLOATS_PER_EF = 20
"""The same for float32 rows."""


_MORE_EF = 90
"""With so much more than k, a walk finds about the same share of any k as of ten; with k times the dynamic factor it
finds more, for more time."""
_DEFAULT = VectorIndexConfig()
_NOT_STATED = (_DEFAULT.dynamic_ef_min, _DEFAULT.dynamic_ef_max, _DEFAULT.dynamic_ef_factor)


@dataclass(frozen=True, slots=True)
class Budget:
    """``count`` candidates are rescored, and if ``bounded`` all others that the codes' error cannot rule out."""

    count: int
    bounded: bool


@dataclass(frozen=True, slots=True)
class Effort:
    """The effort of one configuration."""

    config: VectorIndexConfig

    def ef(self, k: int, head: int) -> int:
        """``ef`` as configured; -1 means k times the factor, within the dynamic bounds. Never below k.

        Where neither is stated, ``head`` counts in place of k, and the others of the ``k`` need a little more than
        their number.
        """
        config = self.config
        if config.ef > 0:
            return max(config.ef, k)
        if (config.dynamic_ef_min, config.dynamic_ef_max, config.dynamic_ef_factor) == _NOT_STATED:
            return max(k + _MORE_EF, self._dynamic(head))
        return max(k, self._dynamic(k))

    def _dynamic(self, k: int) -> int:
        config = self.config
        return min(max(k * config.dynamic_ef_factor, config.dynamic_ef_min), config.dynamic_ef_max)

    def width(self, frozen: Frozen, graph: Graph, budget: Budget, k: int, head: int) -> tuple[int, int]:
        """How many candidates a walk returns, and its effort."""
        ef = max(self.ef(k, head), budget.count)
        effort = self.config.search_probe if graph.recipe.mode == "lists" else ef
        return min(ef, frozen.size), effort

    def budget(self, k: int, frozen: Frozen) -> Budget:
        quantizer = self.config.quantizer
        exact = isinstance(frozen.codes, ByteCodes) or frozen.shape.metric not in LINEAR
        if quantizer.kind is not QuantizerKind.NONE and quantizer.rescore_limit >= 0:
            return Budget(max(k, quantizer.rescore_limit), bounded=False)
        return Budget(k, bounded=True) if exact else Budget(max(20 * k, 200), bounded=False)

    def prefers_scan(self, frozen: Frozen, matches: int, effort: int) -> bool:
        """Whether reading ``matches`` rows costs less than a walk of ``effort``."""
        if frozen.graph is None or frozen.graph.recipe.mode != "graph":
            return frozen.graph is None or matches * 4 < frozen.size
        return matches <= effort * (_ROWS_PER_EF if frozen.codes is not None else _FLOATS_PER_EF)

    def scans_few(self, frozen: Frozen, matches: int, effort: int) -> bool:
        """Whether a filter leaves so few that they are scanned before any walk."""
        return matches <= self.config.flat_search_cutoff and self.prefers_scan(frozen, matches, effort)

    def scans_exactly(self, frozen: Frozen) -> bool:
        """Whether a scan finds all of the nearest, however many these are."""
        return frozen.codes is None or self.budget(1, frozen).bounded
