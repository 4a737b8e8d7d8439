"""Google: the Gemini API and Vertex AI."""

from __future__ import annotations

from typing import Any


def answer(path: str, body: dict[str, Any]) -> Any:
    verb = path.rpartition(":")[2]
    if "/models/" not in path or verb not in ("generateContent", "generateMessage", "predict"):
        return None
    if verb == "generateContent":
        text = "Answer to: " + body["contents"][0]["parts"][0]["text"]
        candidate = {"content": {"role": "model", "parts": [{"text": text}]}, "finishReason": "STOP"}
        usage = {"promptTokenCount": 3, "candidatesTokenCount": 4, "totalTokenCount": 7, "serviceTier": "x"}
        return {"candidates": [candidate], "usageMetadata": usage}
    if verb == "generateMessage":
        return {"candidates": [{"author": "1", "content": "Answer to: " + body["prompt"]["messages"][0]["content"]}]}
    if "messages" not in body["instances"][0]:
        return None
    text = "Answer to: " + body["instances"][0]["messages"][0]["content"]
    counts = {"inputTokenCount": {"totalTokens": 3}, "outputTokenCount": {"totalTokens": 4}}
    return {"predictions": [{"candidates": [{"content": text}]}], "metadata": {"tokenMetadata": counts}}
