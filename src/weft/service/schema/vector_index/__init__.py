"""The settings of each vector index type: defaults, limits, and what may change later.

Values of the protocol: hnsw, flat, dynamic (which holds an hnsw and a flat block) and hfresh.
"""

from typing import Final

from weft.service.schema.vector_index.changes import check_update, keep_default_marks
from weft.service.schema.vector_index.defaults import complete, quantize
from weft.service.schema.vector_index.limits import validate

DROPPED: Final = "none"
"""The index type of a vector whose index was dropped; only the server writes it."""

__all__ = ["DROPPED", "check_update", "complete", "keep_default_marks", "quantize", "validate"]
