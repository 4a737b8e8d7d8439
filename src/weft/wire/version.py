"""The version of Weaviate's protocol."""

from typing import Final

PROTOCOL_VERSION: Final = "1.39.0"
"""The version reported to clients: the lowest that enables every client feature that Weft supports."""
