"""Damaged, cut and invented bytes for everything that reads bytes: both wires, GraphQL, imports, data folders, backups.

``python -m tests.fuzz`` says what there is; ``test_fuzz.py`` is the short form of each. Nothing may end a process,
hang, swell, answer with a failure of the server, or pass damage off as data.
"""
