"""Weft: a multimodal, multi-vector search server that speaks Weaviate's protocol."""

__version__ = "0.1.0"
