"""The names of a row's fields beside the properties of its object, which no property has."""

from __future__ import annotations

from typing import Final

ERROR_FIELD: Final = "_weft_error"
TEXT_FIELD: Final = "_weft_text"
"""Fields of a rejected row: the error, and the row's text if that was not JSON. An import removes both."""

ID_FIELD: Final = "_weft_id"
TENANT_FIELD: Final = "_weft_tenant"
VECTORS_FIELD: Final = "_weft_vectors"
MODELS_FIELD: Final = "_weft_models"
COLLECTION_FIELD: Final = "_weft_collection"
"""What a file states beside properties: the id, the tenant, the vectors by name, and the fingerprints of the models
that made them. Rejected rows keep them, so that they can be imported again. A row of ``COLLECTION_FIELD`` alone is the
schema of the collection that the rows after it are from."""
