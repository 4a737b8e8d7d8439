"""multilingual-e5-small in 4 bits, as an ONNX file with its tokenizer and configuration."""

from __future__ import annotations

from pathlib import Path


def folder() -> Path:
    """The model's folder, as sentence-transformers lays one out."""
    return Path(__file__).parent / "model"
