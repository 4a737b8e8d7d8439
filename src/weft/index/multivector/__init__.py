"""Which documents have the greatest MaxSim with these query tokens?"""

from weft.index.multivector.index import MultiVectorIndex
from weft.index.multivector.neighbours import Neighbours

__all__ = ["MultiVectorIndex", "Neighbours"]
