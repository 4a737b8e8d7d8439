"""Engines: where objects are kept and found. This folder holds what all have in common; each engine is a folder below.

``part`` is the seam: the service asks a ``Part`` (one collection, or one tenant of it) and the ``View``s that it gives.
"""
