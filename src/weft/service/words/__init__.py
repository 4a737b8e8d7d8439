"""Vectors in words: which words are near them, which ones they are made of, and how they lie to one another."""
