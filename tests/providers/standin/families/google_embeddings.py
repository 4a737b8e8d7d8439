"""Google's embeddings: of the Gemini API by ``batchEmbedContents``, of Vertex AI by ``predict``. Media have the same
vector in both."""

from __future__ import annotations

from typing import Any

from providers.standin.vectors import DIMENSIONS, vector_of


def answer(path: str, body: dict[str, Any]) -> Any:
    if path.endswith(":batchEmbedContents"):
        return {"embeddings": [{"values": _of_request(one)} for one in body["requests"]]}
    if not path.endswith(":predict") or "instances" not in body:
        return None
    size, first = body.get("parameters", {}), body["instances"][0]
    if "content" in first:
        dimensions = size.get("outputDimensionality", DIMENSIONS)
        vectors = [vector_of(one["content"], dimensions, one["task_type"]) for one in body["instances"]]
        return {"predictions": [{"embeddings": {"values": one}} for one in vectors]}
    if not first.keys() & {"text", "image", "video"}:
        return None
    found: dict[str, Any] = {}
    for kind in first.keys() & {"text", "image"}:
        data = first[kind] if kind == "text" else first[kind]["bytesBase64Encoded"]
        found[f"{kind}Embedding"] = vector_of(data, size.get("dimension", 1408))
    if "video" in first:
        vector = vector_of(first["video"]["bytesBase64Encoded"], 1408)
        twice = [{"embedding": [one * share for one in vector]} for share in (0.5, 1.5)]
        found["videoEmbeddings"] = twice
    return {"predictions": [found]}


def _of_request(request: dict[str, Any]) -> list[float]:
    (part,) = request["content"]["parts"]
    dimensions = request.get("outputDimensionality", DIMENSIONS)
    data = part["text"] if "text" in part else part["inline_data"]["data"]
    return vector_of(data, dimensions, request.get("taskType", ""))
