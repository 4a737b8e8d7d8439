"""AWS: embedding models of Bedrock, and SageMaker. Requests must be signed."""

from __future__ import annotations

from typing import Any
from urllib.parse import unquote

from providers.standin.families.anthropic import message
from providers.standin.vectors import DIMENSIONS, vector_of


def answer(path: str, body: dict[str, Any]) -> Any:
    if path.startswith("/endpoints/") and path.endswith("/invocations"):
        if "prompt" in body:
            return {"generations": [{"id": "1", "text": "Answer to: " + body["prompt"]}]}
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
    return _generation(model, body)


def _generation(model: str, body: dict[str, Any]) -> Any:
    """What the families of models say, each in its shape."""
    if "anthropic_version" in body and "messages" in body:
        return message(body)
    if "ai21.jamba" in model:
        return {"choices": [{"message": {"content": "Answer to: " + body["messages"][0]["content"]}}]}
    if "messages" in body:
        return {
            "output": {"message": {"content": [{"text": "Answer to: " + body["messages"][0]["content"][-1]["text"]}]}}
        }
    text = "Answer to: " + str(body.get("prompt") or body.get("inputText") or body.get("message"))
    shapes: dict[str, Any] = {
        "amazon.titan": {"results": [{"outputText": text, "completionReason": "FINISH"}]},
        "anthropic.": {"completion": text},
        "ai21.": {"completions": [{"data": {"text": text}}]},
        "cohere.command-r": {"text": text},
        "cohere.": {"generations": [{"id": "1", "text": text}]},
        "mistral.": {"outputs": [{"text": text}]},
        "meta.": {"generation": text},
    }
    return next((shape for mark, shape in shapes.items() if mark in model), None)


def _nova(given: dict[str, Any]) -> dict[str, Any]:
    if "image" in given:
        found = vector_of(given["image"]["source"]["bytes"], given.get("embeddingDimension", DIMENSIONS))
    else:
        role = given["embeddingPurpose"]
        found = vector_of(given["text"]["value"], given.get("embeddingDimension", DIMENSIONS), role)
    return {"embeddings": [{"embeddingType": "TEXT", "embedding": found}]}
