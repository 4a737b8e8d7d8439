"""The protocol's JSON, for the wires that use it: REST and GraphQL.

From bodies to values, objects, references, filters and vectors of ``weft.domain``, and back. Keys that Weaviate accepts
in any case are declared in ``keys``; names that callers choose (properties, vectors, modules) are never changed.
"""
