"""Backups: copies of collections as they were at a moment, which can be restored completely.

Start reading at `create` and `restore`; the format of a backup is in `descriptor` and `pack`.
"""
