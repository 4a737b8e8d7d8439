"""Engines: they store objects and find them. This folder holds what all have in common; each engine is a subfolder.

``part`` is the seam: the service uses a ``Part`` (one collection, or one tenant of it) and the ``View``s that it gives.
"""
