"""TwelveLabs: one text or image a call, as a form."""

from __future__ import annotations

from typing import Any

from providers.standin.vectors import vector_of


def answer(path: str, body: dict[str, Any]) -> Any:
    if path != "/embed":
        return None
    kind = "image" if "image_file" in body else "text"
    found = vector_of(body["image_file"].hex() if kind == "image" else body["text"])
    return {"model_name": body["model_name"], f"{kind}_embedding": {"segments": [{"float": found}]}}
