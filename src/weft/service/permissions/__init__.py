"""The rights that the service's verbs require, a file for each noun, and what their rules may look up."""
