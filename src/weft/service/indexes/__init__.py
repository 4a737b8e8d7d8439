"""The indexes of properties: which there are, and changing and rebuilding them as jobs."""
