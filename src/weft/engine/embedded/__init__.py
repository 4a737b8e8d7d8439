"""One collection whole: its shards, each a store and the indexes derived from it, one writer and many readers."""
