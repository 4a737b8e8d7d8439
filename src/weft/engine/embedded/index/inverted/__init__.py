"""Which documents contain these words, and how well do they match? Tokenisation, postings and BM25F of one shard."""

from weft.engine.embedded.index.inverted.index import InvertedIndex
from weft.engine.embedded.index.inverted.statistics import Population

__all__ = ["InvertedIndex", "Population"]
