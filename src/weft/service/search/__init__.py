"""Search: from a Query to an Answer."""
