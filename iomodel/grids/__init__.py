"""Grids: a box of assumptions as a file, run by run, and what survives in it.

A file names a base experiment and axes (`load`); the grid (`definition`) says which experiment stands at each place of
the box. A driver hands runs to workers and puts what they return into a store, which opens as one labelled dataset.
"""
