"""Which vectors are nearest to this one? Single vectors; for late interaction see ``weft.index.multivector``."""

from weft.index.vector.index import VectorIndex
from weft.index.vector.neighbours import IndexStats, Neighbours
from weft.index.vector.source import VectorSource

__all__ = ["IndexStats", "Neighbours", "VectorIndex", "VectorSource"]
