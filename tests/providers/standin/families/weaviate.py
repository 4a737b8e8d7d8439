"""Weaviate's embedding service: texts, and images as multi-vectors."""

from __future__ import annotations

from typing import Any

from providers.standin.vectors import DIMENSIONS, token_vectors, vector_of


def answer(path: str, body: dict[str, Any]) -> Any:
    if path != "/v1/embeddings/embed":
        return None
    searching, dimensions = body.get("is_search_query", False), body.get("dimensions", DIMENSIONS)
    if "colmodernvbert" in body["model"]:
        found: list[Any] = [
            token_vectors(one, dimensions) if searching else [vector_of(one, dimensions)] for one in body["input"]
        ]
    else:
        found = [vector_of(one, dimensions, "query" if searching else "") for one in body["input"]]
    return {"embeddings": found, "metadata": {"model": body["model"]}}
