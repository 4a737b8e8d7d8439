"""Reports of imports: how many objects were stored, which were refused and why, kept after the last answer."""
