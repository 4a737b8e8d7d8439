"""Storage: the bytes that were acknowledged, where they are, and whether they are whole.

One `ShardStore` a shard (a folder); one `Catalog` and one `FolderLock` a data folder.
"""

from weft.storage.catalog import Catalog, CatalogEntry, ShardEntry
from weft.storage.changes import Applied, Change, Delete, Put, VectorLayout
from weft.storage.folder_lock import FolderLock
from weft.storage.shard_store import ShardStore, count_objects
from weft.storage.vector_file import RaggedVectorFile, TokenRows, VectorFile, VectorRows

__all__ = [
    "Applied",
    "Catalog",
    "CatalogEntry",
    "Change",
    "Delete",
    "FolderLock",
    "Put",
    "RaggedVectorFile",
    "ShardEntry",
    "ShardStore",
    "TokenRows",
    "VectorFile",
    "VectorLayout",
    "VectorRows",
    "count_objects",
]
