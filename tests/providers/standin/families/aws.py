"""AWS: embedding models of Bedrock, and SageMaker. Requests must be signed."""

from __future__ import annotations

from typing import Any
from urllib.parse import unquote

from providers.standin.vectors import DIMENSIONS, vector_of


def answer(path: str, body: dict[str, Any]) -> Any:
    if path.startswith("/endpoints/") and path.endswith("/invocations"):
        return [vector_of(text) for text in body["inputs"]]
    if not (path.startswith("/model/") and path.endswith("/invoke")):
        return None
    model = unquote(path.split("/")[2])
    if "cohere." in model and "input_type" in body:
        given = body.get("texts") or body["images"]
        role = "" if "images" in body else body["input_type"]
        vectors = [vector_of(one, body.get("output_dimension", DIMENSIONS), role) for one in given]
        return {"embeddings": {"float": vectors} if "v4" in model else vectors}
    if "singleEmbeddingParams" in body:
        return _nova(body["singleEmbeddingParams"])
    if ("inputText" in body and "embed" in model) or "inputImage" in body:
        size = body.get("dimensions", body.get("embeddingConfig", {}).get("outputEmbeddingLength", DIMENSIONS))
        return {"embedding": vector_of(body.get("inputText") or body["inputImage"], size), "inputTextTokenCount": 1}
    return None


def _nova(given: dict[str, Any]) -> dict[str, Any]:
    if "image" in given:
        found = vector_of(given["image"]["source"]["bytes"], given.get("embeddingDimension", DIMENSIONS))
    else:
        role = given["embeddingPurpose"]
        found = vector_of(given["text"]["value"], given.get("embeddingDimension", DIMENSIONS), role)
    return {"embeddings": [{"embeddingType": "TEXT", "embedding": found}]}
