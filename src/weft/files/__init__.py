"""Files: durable bytes on disk, and the errors when they are lost or damaged.

LMDB environments, sealed values, links and copies, and the lock of a data folder; engines and catalogs write through
these.
"""
