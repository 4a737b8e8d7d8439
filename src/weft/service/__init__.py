"""The verbs of the protocol, whichever wire they came by."""
