"""In which order do documents come whose scores or distances are equal?"""

from weft.engine.embedded.index.ties.order import BY_DOC_ID, Ties, cuts_ties, order_of_ties, ties_of

__all__ = ["BY_DOC_ID", "Ties", "cuts_ties", "order_of_ties", "ties_of"]
