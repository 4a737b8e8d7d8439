"""Filters on the properties of objects in objects: their columns, and conditions that hold in the same element."""
