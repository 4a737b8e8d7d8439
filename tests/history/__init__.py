"""The history checker: readers and writers of every verb at once, and each answer compared with what could be true.

``python -m tests.history --seconds 600`` by hand; ``test_history.py`` is its short form.
"""
