"""Anthropic."""

from __future__ import annotations

from typing import Any


def answer(path: str, body: dict[str, Any]) -> Any:
    return message(body) if path == "/v1/messages" else None


def message(body: dict[str, Any]) -> dict[str, Any]:
    """A Claude's answer to the prompt, which follows the images."""
    content = body["messages"][0]["content"]
    text = content if isinstance(content, str) else content[-1]["text"]
    parts = [{"type": "text", "text": f"Answer to: {text}"}]
    return {"type": "message", "content": parts, "usage": {"input_tokens": 3, "output_tokens": 4}}
