"""Vector indexes of Milvus for those of the protocol, and the effort of a search in them.

A quantised index chooses candidates; ``is_approximate`` says that their distances must be computed again. What a
version of Milvus has no index for gets the nearest one that it has: eight bits a number where PQ, RQ, BQ are missing.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

from weft.domain.schema import Metric, QuantizerKind, VectorIndexConfig

METRICS: Final = {Metric.COSINE: "COSINE", Metric.DOT: "IP", Metric.L2: "L2"}
RABITQ_SINCE: Final = (2, 6)
_LISTS: Final = 128
_MOST_EFFORT: Final = 32_768


@dataclass(frozen=True, slots=True)
class MilvusIndex:
    kind: str
    metric: str
    parameters: dict[str, Any] = field(default_factory=dict)

    @property
    def is_approximate(self) -> bool:
        """Its distances are those of compressed vectors."""
        return self.kind in ("IVF_SQ8", "IVF_PQ", "IVF_RABITQ")

    def effort(self, k: int, ef: int) -> dict[str, int]:
        """The parameters of a search for ``k``; ``ef``: at least so many candidates."""
        if self.kind == "HNSW":
            return {"ef": min(max(k, ef), _MOST_EFFORT)}
        return {} if self.kind == "FLAT" else {"nprobe": _LISTS if k * 4 >= _LISTS else 32}


def index_of(config: VectorIndexConfig, dims: int, version: tuple[int, ...]) -> MilvusIndex:
    metric = METRICS[config.metric]
    match config.quantizer.kind:
        case QuantizerKind.NONE if config.kind == "flat":
            return MilvusIndex("FLAT", metric)
        case QuantizerKind.NONE:
            built = {"M": min(max(config.max_connections, 2), 2048), "efConstruction": max(config.ef_construction, 8)}
            return MilvusIndex("HNSW", metric, built)
        case QuantizerKind.PQ if segments := _segments(config.quantizer.segments, dims):
            return MilvusIndex("IVF_PQ", metric, {"nlist": _LISTS, "m": segments, "nbits": 8})
        case QuantizerKind.BQ | QuantizerKind.RQ if version >= RABITQ_SINCE:
            return MilvusIndex("IVF_RABITQ", metric, {"nlist": _LISTS})
        case _:
            return MilvusIndex("IVF_SQ8", metric, {"nlist": _LISTS})


def _segments(asked: int, dims: int) -> int:
    """The greatest divisor of ``dims`` up to what was asked, or up to a quarter of it; 0 if that is 1."""
    most = asked or dims // 4
    return next((m for m in range(min(most, dims), 1, -1) if dims % m == 0), 0)
