"""REST: the endpoints under ``/v1``, JSON in and out.

Every failure is answered with ``{"error": [{"message": …}]}``. The service's verbs run on worker threads, so that the
event loop only reads and writes.
"""
