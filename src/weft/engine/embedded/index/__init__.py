"""Indexes: derived from storage, rebuildable from it, safe to delete."""
