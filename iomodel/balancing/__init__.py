"""Balancing: the table nearest to a draft that meets given totals.

`entropy` holds the program that all biproportional methods solve, with any linear constraints, hard or soft.
"""
