"""A provider on 127.0.0.1 that speaks the shapes of every provider, notes every request, and fails on demand.

``server`` is the server, ``vectors`` what it embeds with, ``families`` has a file for each provider.
"""

from providers.standin.server import CUT, Failure, Request, StandIn
from providers.standin.vectors import DIMENSIONS, token_vectors, vector_of

__all__ = ["CUT", "DIMENSIONS", "Failure", "Request", "StandIn", "token_vectors", "vector_of"]
