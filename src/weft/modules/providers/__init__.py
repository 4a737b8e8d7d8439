"""Models of providers, called over HTTP: one file for each provider."""
