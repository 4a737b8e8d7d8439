"""Two vectorizers for Weft, each in a file of its own; ``pyproject.toml`` says what they are called."""
