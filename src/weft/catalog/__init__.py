"""Catalog: the names, documents, aliases and settings of a data folder."""
