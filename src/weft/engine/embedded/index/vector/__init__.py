"""Which vectors are nearest to this one? Single vectors; for late interaction see ``index.multivector``."""

from weft.engine.embedded.index.vector.index import VectorIndex
from weft.engine.embedded.index.vector.neighbours import IndexStats
from weft.engine.embedded.index.vector.source import VectorSource

__all__ = ["IndexStats", "VectorIndex", "VectorSource"]
