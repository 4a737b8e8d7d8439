"""Remote engines: what a driver of one shares with all others, over a small inner face (``store.py``)."""
