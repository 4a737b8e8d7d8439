"""The embedded engine: a collection's shards, each a store with the indexes derived from it, in this process."""
