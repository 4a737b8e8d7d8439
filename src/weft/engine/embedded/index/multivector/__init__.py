"""Which documents have the greatest MaxSim with these query tokens?"""

from weft.engine.embedded.index.multivector.index import MultiVectorIndex
from weft.engine.embedded.index.multivector.stats import MultiVectorStats

__all__ = ["MultiVectorIndex", "MultiVectorStats"]
