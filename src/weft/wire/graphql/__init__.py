"""GraphQL: ``Get``, ``Aggregate`` and ``Explore`` over a schema that follows the collections.

A request runs through ``limits`` (size), ``documents`` (syntax), ``schema`` (the types it can name), the library's
validation and execution, and ``get``, ``aggregate`` or ``explore``, which call the same verbs of the service as gRPC.

The library is loaded by the first request: only ``endpoints`` is imported when the server starts.
"""
