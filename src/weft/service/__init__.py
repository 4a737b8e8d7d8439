"""The verbs of the protocol, for all wires."""
