"""Bringing an inter-country table up to date, and measuring on years whose truth is known how good the result is.

`pieces` are what is known of the later year, `estimate` fits the table to them, `measures` are the errors of an
estimate, `validation` repeats the method on old years, `recipe` and `sources` read FILE.toml and the raw files.
"""
