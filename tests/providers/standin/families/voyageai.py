"""Voyage AI's chunks in context, and its texts and media in one space; its other texts are at OpenAI's path."""

from __future__ import annotations

from typing import Any

from providers.standin.vectors import DIMENSIONS, vector_of


def answer(path: str, body: dict[str, Any]) -> Any:
    dimensions = body.get("output_dimension", DIMENSIONS)
    if path == "/v1/contextualizedembeddings":
        chunks = [[vector_of(chunk, dimensions, body["input_type"]) for chunk in one] for one in body["inputs"]]
        data = [
            {"index": i, "data": [{"index": j, "embedding": one} for j, one in enumerate(found)]}
            for i, found in enumerate(chunks)
        ]
        return {"object": "list", "data": data[::-1], "model": body["model"]}
    if path == "/v1/multimodalembeddings":
        found = [_vector(one["content"][0], dimensions, body["input_type"]) for one in body["inputs"]]
        data = [{"index": i, "embedding": one} for i, one in enumerate(found)]
        return {"object": "list", "data": data[::-1], "model": body["model"]}
    return None


def _vector(part: dict[str, Any], dimensions: int, role: str) -> list[float]:
    """Media have the same vector in both roles."""
    if part["type"] == "text":
        return vector_of(part["text"], dimensions, role)
    assert part[part["type"]].startswith("data:"), "media come as data: URLs"
    return vector_of(part[part["type"]], dimensions)
