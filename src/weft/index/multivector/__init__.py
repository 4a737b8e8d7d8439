"""Which documents have the greatest MaxSim with these query tokens?"""

from weft.index.multivector.explain import TokenMatches
from weft.index.multivector.index import MultiVectorIndex
from weft.index.multivector.neighbours import Neighbours
from weft.index.multivector.pooling import pool_tokens
from weft.index.multivector.stats import MultiVectorStats

__all__ = ["MultiVectorIndex", "MultiVectorStats", "Neighbours", "TokenMatches", "pool_tokens"]
