"""Classification: references that are set by what similar objects point to, or by which object is most similar."""
