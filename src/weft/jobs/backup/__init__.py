"""Backups: collections as they were at a moment, kept elsewhere, and brought back whole.

Start reading at `create` and `restore`; what a backup looks like from outside is in `descriptor` and `pack`.
"""
