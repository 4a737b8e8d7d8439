"""Storage: the bytes that were acknowledged, where they are, and whether they are whole.

One `ShardStore` a shard (a folder).
"""

from weft.engine.embedded.storage.changes import Applied, Delete, Put, StoreChange, VectorLayout
from weft.engine.embedded.storage.object_count import count_objects
from weft.engine.embedded.storage.rows import TokenRows, VectorRows
from weft.engine.embedded.storage.shard_store import ShardStore
from weft.engine.embedded.storage.vector_file import RaggedVectorFile, VectorFile

__all__ = [
    "Applied",
    "Delete",
    "Put",
    "RaggedVectorFile",
    "ShardStore",
    "StoreChange",
    "TokenRows",
    "VectorFile",
    "VectorLayout",
    "VectorRows",
    "count_objects",
]
