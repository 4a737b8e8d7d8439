"""The objects of a collection in Milvus, or in Zilliz Cloud: the driver of addresses that begin with ``milvus:``."""
