"""Vectors of stored objects, made later or made by another model, while the collection is searched and written."""
