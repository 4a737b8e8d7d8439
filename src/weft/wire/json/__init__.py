"""JSON as the protocol spells it, for every wire that takes or gives JSON: REST and GraphQL.

Bodies to values, objects, references, filters and vectors to those of ``weft.domain``, and back. Keys that Weaviate
takes in any case are declared in ``keys``; names of the caller's own (properties, vectors, modules) are never touched.
"""
