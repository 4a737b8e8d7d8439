"""Following: the collections of a server in another process, read from its folder while it writes.

What a request may see is decided by two numbers (``files.publication``), for the catalog and for each shard:

1. A request begins. The catalog is read again if another number is announced; while a change of it is under way, the
   request is passed to the server.
2. It uses a shard. If the announced number is that of the view here, the view serves. Otherwise a snapshot of the last
   commit is taken, so its number is at least the announced one. If it is not published yet, which is when the server's
   own readers see it, that is waited for, shortly, or the request is passed.
3. The catalog is still the latest, after the snapshot was taken. An object is committed after the configuration that it
   needs, so what the snapshot has is understood by the configuration that the request has.
4. The vector files and the indexes take in what the snapshot has beyond them, and a new view serves.

An LMDB snapshot keeps what its view names, whatever the server purges. Indexes are opened from the server's snapshots
on disk, mapped, and filled from the store; nothing here is trained, merged or written. They are opened again when they
lack much, when the server has written better ones, and when a vector file was rewritten. Files that the server replaces
stay readable while they are mapped. What takes long is done by ``tidy``, and requests are passed meanwhile.
"""
