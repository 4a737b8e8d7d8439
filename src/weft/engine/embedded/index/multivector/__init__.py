"""Which documents have the greatest MaxSim with these query tokens?"""

from weft.engine.embedded.index.multivector.index import MultiVectorIndex

__all__ = ["MultiVectorIndex"]
