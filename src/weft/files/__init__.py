"""Files: bytes on disk that must survive, and the errors that say when they do not.

LMDB environments, sealed values, links and copies, and the lock of a data folder; each engine and catalog writes
through these.
"""
