"""The domain model: schema, objects, filters, queries, hits and errors. No I/O, no imports from other rooms."""
