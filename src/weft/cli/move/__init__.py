"""``weft move``: collections from one place to another, copied, kept equal, and compared.

A *place* is named by an address: a server of Weaviate's protocol (Weft with any engine, or Weaviate), a Qdrant or
Milvus server, or a data folder that no server has open. All are read as their clients read them. What is written is
written to a server of Weaviate's protocol, or to a data folder, which this process serves to itself meanwhile.

    address     which place an address names
    place       what a place must be able to do
    objects     objects and collections on their way
    plan        what would be moved, what is changed on the way, and what is lost
    copying     everything, once; continued where it was stopped
    syncing     what differs, until nothing does
    verifying   whether both places hold and answer the same
    cutover     the source read-only, the target equal, and the names switched

Always: objects keep their uuids, so that what is written twice is there once; nothing is deleted at the source.
"""
