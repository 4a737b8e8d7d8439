"""Rows of files for ``weft import`` and ``weft embed``: where they are, and what they hold."""
