"""Ollama."""

from __future__ import annotations

from typing import Any

from providers.standin.vectors import vector_of

KEYLESS = ("/api/",)


def answer(path: str, body: dict[str, Any]) -> Any:
    if path == "/api/embed":
        return {"model": body["model"], "embeddings": [vector_of(text) for text in body["input"]]}
    if path == "/api/generate":
        return {"model": body["model"], "response": "Answer to: " + body["prompt"], "done": True, "eval_count": 4}
    return None
