"""OpenAI, Azure, and those that answer at OpenAI's paths with its shapes: NVIDIA and Jina embed there, Anyscale and
others complete chats.

Answers of Jina's text models are shuffled, to prove that ``index`` is heeded; NVIDIA's come in order with false
indexes, to prove that it is not.
"""

from __future__ import annotations

import random
from typing import Any

from providers.standin.vectors import DIMENSIONS, token_vectors, vector_of


def answer(path: str, body: dict[str, Any]) -> Any:
    if path in ("/v1/embeddings", "/v1/multi-vector", "/api/v3/embeddings"):
        return _embeddings(path, body)
    if path.startswith("/openai/deployments/"):
        return answer("/v1/" + path.split("?")[0].split("/", 4)[4], {"model": "azure", **body})
    return completion(body) if path in ("/v1/chat/completions", "/chat/completions") else None


def completion(body: dict[str, Any]) -> dict[str, Any]:
    """The answer to a chat, of all that speak OpenAI's protocol."""
    usage = {"prompt_tokens": 3, "completion_tokens": 4, "total_tokens": 7}
    text = "Answer to: " + str(body["messages"][0]["content"])
    choice = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": text}}
    return {"choices": [choice], "usage": usage, "created": 1}


def _embeddings(path: str, body: dict[str, Any]) -> dict[str, Any]:
    multi = path == "/v1/multi-vector" or body.get("return_multivector", False)
    role = body.get("input_type") or str(body.get("task", "")).removeprefix("retrieval.")
    dimensions = body.get("dimensions", body.get("output_dimension", DIMENSIONS))
    data: list[dict[str, Any]] = []
    for index, item in enumerate(body["input"]):
        if not multi:
            data.append({"index": index, "embedding": vector_of(item, dimensions, role)})
        elif isinstance(item, dict) and "image" in item:
            data.append({"index": index, "embeddings": [vector_of(item, dimensions)]})
        else:
            text = item if isinstance(item, str) else item["text"]
            data.append({"index": index, "embeddings": token_vectors(text, dimensions)})
    if "encoding_format" in body:
        data = [{**one, "index": 0} for one in data]
    elif all(isinstance(item, str) for item in body["input"]):
        random.Random(len(data)).shuffle(data)
    return {"object": "list", "model": body["model"], "data": data, "usage": {"total_tokens": 1}}
