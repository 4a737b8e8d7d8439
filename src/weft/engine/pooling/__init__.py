"""Token pooling: fewer tokens per document, before it is stored. The same for every engine."""

from weft.engine.pooling.pooling import pool_tokens

__all__ = ["pool_tokens"]
