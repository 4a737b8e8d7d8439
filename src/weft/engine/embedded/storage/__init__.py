"""Storage: the bytes that were acknowledged, where they are, and whether they are whole.

One `ShardStore` a shard (a folder).
"""

from weft.engine.embedded.storage.changes import Applied, Change, Delete, Put, VectorLayout
from weft.engine.embedded.storage.shard_store import ShardStore, count_objects
from weft.engine.embedded.storage.vector_file import RaggedVectorFile, TokenRows, VectorFile, VectorRows

__all__ = [
    "Applied",
    "Change",
    "Delete",
    "Put",
    "RaggedVectorFile",
    "ShardStore",
    "TokenRows",
    "VectorFile",
    "VectorLayout",
    "VectorRows",
    "count_objects",
]
