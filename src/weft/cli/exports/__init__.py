"""The parts of ``weft export``: where objects are written to, and in what form. ``weft import`` reads both forms."""
