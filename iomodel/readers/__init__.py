"""Readers: one source, one file, one function that turns the source's files into a checked `Table`."""
