"""NVIDIA's reranker; its other models answer at OpenAI's paths."""

from __future__ import annotations

from typing import Any

from providers.standin.overlaps import ranked


def answer(path: str, body: dict[str, Any]) -> Any:
    if path != "/v1/retrieval/nvidia/reranking":
        return None
    found = ranked(body["query"]["text"], [passage["text"] for passage in body["passages"]])
    return {"rankings": [{"index": i, "logit": score} for i, score in found]}
