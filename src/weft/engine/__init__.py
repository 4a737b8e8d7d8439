"""Engine: what stores and searches the objects of collections."""
