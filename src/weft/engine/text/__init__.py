"""What becomes of a text before any index sees it: folding, tokens, stop words. The same for every engine."""
