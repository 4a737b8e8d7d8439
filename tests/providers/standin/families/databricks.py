"""Databricks: OpenAI's shapes at the address of a served model, whose name is not sent."""

from __future__ import annotations

from typing import Any

from providers.standin.families import openai


def answer(path: str, body: dict[str, Any]) -> Any:
    if not path.startswith("/serving-endpoints/"):
        return None
    if "messages" in body:
        return openai.completion(body)
    return openai.answer("/v1/embeddings", {"model": path.split("/")[2], **body})
