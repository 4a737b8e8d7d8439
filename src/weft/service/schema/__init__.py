"""Schema: from a collection's JSON document to its typed configuration.

A document goes ``complete`` (defaults filled in) → ``validate`` → ``parse`` (the typed ``CollectionConfig``). A change
of an existing one goes ``complete`` (with ``existing``) → ``update`` → ``validate`` → ``parse``.
"""
