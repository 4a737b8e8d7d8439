"""Text analysis before indexing: folding, tokens, stop words. The same for every engine."""
