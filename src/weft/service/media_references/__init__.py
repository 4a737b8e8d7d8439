"""Media by reference: a value that names a file or an address becomes the bytes that are there."""
