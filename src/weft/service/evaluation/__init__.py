"""Evaluations: which of several ways to search a collection answers judged queries best."""
