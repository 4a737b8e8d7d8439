"""The vectors of a Qdrant collection, as those of the target: metrics, indexes, quantization."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from weft.cli.move.objects import Notes
from weft.domain.json_values import JsonObject, JsonValue

DEFAULT: Final = ""
_TARGET_DEFAULT: Final = "default"
_METRICS: Final = {"Cosine": "cosine", "Dot": "dot", "Euclid": "l2-squared", "Manhattan": "manhattan"}
_QUANTIZERS: Final = {"scalar": "sq", "product": "pq", "binary": "bq", "turbo": "rq"}


@dataclass(frozen=True, slots=True)
class QdrantVector:
    """``target``: its name there; ``is_distance``: its scores are distances, of which smaller is better."""

    target: str
    document: JsonObject
    is_distance: bool


def vectors_of(info: Any, notes: Notes) -> dict[str, QdrantVector]:
    """By their names in Qdrant, "" of the vector without one."""
    params = info.config.params
    given = params.vectors if isinstance(params.vectors, dict) else {DEFAULT: params.vectors} if params.vectors else {}
    for name in params.sparse_vectors or {}:
        notes.lost.append(f"the sparse vector {name!r}: keyword search over the texts takes its place")
    return {name: _vector(name, one, info.config, notes) for name, one in given.items()}


def _vector(name: str, params: Any, config: Any, notes: Notes) -> QdrantVector:
    target, metric = name or _TARGET_DEFAULT, params.distance.value
    said = f"the vector {target!r}"
    if metric == "Cosine":
        notes.lost.append(f"the lengths of {said}: Qdrant keeps vectors normalised under Cosine")
    if metric == "Euclid":
        notes.mapped.append(f"distances of {said} are squared (l2-squared): square the limits of queries")
    if params.datatype is not None and params.datatype.value != "float32":
        notes.mapped.append(f"{said} is stored as float32, at the source as {params.datatype.value}")
    settings: dict[str, JsonValue] = {"distance": _METRICS[metric]}
    m, ef = (
        (getattr(params.hnsw_config, one, None) or getattr(config.hnsw_config, one)) for one in ("m", "ef_construct")
    )
    kind = "hnsw"
    if m == 0:
        kind = "flat"
    else:
        settings |= {"maxConnections": m, "efConstruction": ef}
    if params.multivector_config is not None:
        settings["multivector"] = {"enabled": True}
    quantization = params.quantization_config or config.quantization_config
    for word, quantizer in _QUANTIZERS.items():
        if quantization is not None and getattr(quantization, word, None) is not None:
            settings[quantizer] = {"enabled": True}
            notes.mapped.append(f"{word} quantization of {said} becomes {quantizer}, with the target's own settings")
    document: JsonObject = {"vectorizer": {"none": {}}, "vectorIndexType": kind, "vectorIndexConfig": settings}
    return QdrantVector(target, document, metric in ("Euclid", "Manhattan"))
