"""Which vectors are nearest to this one? Single vectors; for late interaction see ``index.multivector``."""

from weft.engine.embedded.index.vector.index import SingleVectorIndex

__all__ = ["SingleVectorIndex"]
