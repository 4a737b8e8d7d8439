"""Whether an engine keeps what Weft promises: small checks by name, which use the seam of all engines alone.

``weft conform`` runs them over a cluster, ``tests/contract/test_conformance.py`` over each engine that a test can have.
A check is a function; its name is the sentence that it proves. What an engine says it cannot do is a refusal
(Unsupported), and no failure.
"""
