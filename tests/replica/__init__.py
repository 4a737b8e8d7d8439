"""Searches that another process than the server answers, from the server's folder."""
