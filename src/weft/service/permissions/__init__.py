"""The rights that the service's verbs require, by noun, and what their rules may look up."""
