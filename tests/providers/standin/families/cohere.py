"""Cohere; Jina, Contextual AI and Voyage AI rank at a path of the same shape, Voyage under another name."""

from __future__ import annotations

from typing import Any

from providers.standin.overlaps import ranked
from providers.standin.vectors import DIMENSIONS, vector_of


def answer(path: str, body: dict[str, Any]) -> Any:
    if path == "/v2/embed":
        given = body.get("texts") or body["images"]
        dimensions = body.get("output_dimension", DIMENSIONS)
        vectors = [vector_of(one, dimensions, body["input_type"]) for one in given]
        return {"id": "1", "embeddings": {"float": vectors}}
    if path == "/v2/chat":
        text = "Answer to: " + str(body["messages"][0]["content"])
        message = {"content": [{"type": "text", "text": text}]}
        return {"finish_reason": "COMPLETE", "message": message, "usage": {"t": 1}}
    if path in ("/v1/rerank", "/v2/rerank"):
        found = ranked(body["query"], body["documents"])
        results = [{"index": i, "relevance_score": score} for i, score in found]
        return {"data" if "rerank-lite" in body["model"] else "results": results, "model": body["model"]}
    return None
