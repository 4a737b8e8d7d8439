"""A row of a file, and the names that a row's own fields never have."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

ERROR_FIELD = "_weft_error"
TEXT_FIELD = "_weft_text"
"""Fields of a rejected row: the error, and the row's text if that was not JSON. An import removes both."""

ID_FIELD = "_weft_id"
TENANT_FIELD = "_weft_tenant"
VECTORS_FIELD = "_weft_vectors"
MODELS_FIELD = "_weft_models"
COLLECTION_FIELD = "_weft_collection"
"""What a file states beside properties: the id, the tenant, the vectors by name, and the fingerprints of the models
that made them. Rejected rows keep them, so that they can be imported again. A row of ``COLLECTION_FIELD`` alone is the
schema of the collection that the rows after it are from."""


@dataclass(slots=True)
class Row:
    """``where`` names file and line; ``size_bytes`` is the row's part of the file; ``error``: why it is rejected.

    ``fields`` are JSON values; those that are known to be vectors may be arrays of numpy.
    """

    where: str
    fields: dict[str, Any]
    size_bytes: int
    error: str = ""
