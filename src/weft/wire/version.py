"""The version of Weaviate's protocol."""

from typing import Final

PROTOCOL_VERSION: Final = "1.39.0"
"""What clients are answered: the lowest version that enables every feature of theirs that Weft has."""
