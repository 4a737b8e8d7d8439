"""The filter index: conditions to doc_ids, sort orders, column values."""
