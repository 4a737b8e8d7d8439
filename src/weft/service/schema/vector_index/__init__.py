"""The settings of each vector index type: a file a kind, with its defaults, its limits, what may change, its view.

Values of the protocol: hnsw, flat, dynamic (which holds an hnsw and a flat block) and hfresh. A new kind is a file
with an ``IndexKind`` and an entry in ``registry``.
"""
