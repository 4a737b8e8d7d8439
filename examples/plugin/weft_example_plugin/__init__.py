"""Two vectorizers for Weft, each in its own file; ``pyproject.toml`` has their names."""
