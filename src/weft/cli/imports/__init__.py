"""The parts of ``weft import``: the objects that rows become, the collection that they go to, and what was stored."""
