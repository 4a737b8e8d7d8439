"""Exports: the objects of collections as Parquet files. Needs ``weft[export]``."""
