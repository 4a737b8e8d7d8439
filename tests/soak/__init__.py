"""Everything at once, on a server that is killed again and again: what was acknowledged is there, nothing else is, and
every index finds what the store holds. ``python -m tests.soak kills`` is the long form of ``faults/test_soak.py``;
``python -m tests.soak curve`` watches one server that continues.
"""
