"""Models that others serve over HTTP: one file for each provider."""
