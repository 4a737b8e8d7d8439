"""The wires: bytes of the protocol are decoded, one verb of the service is called, its answer is encoded."""
