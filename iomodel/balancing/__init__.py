"""Balancing: the table nearest to a draft that meets given totals; signs and zeros are kept.

`balanced` holds the verb, from labelled drafts (`drafts`) and totals (`totals`, `totals_file`) to a table and a report;
`gras` and `ras` scale a matrix to its margins (`margins`), `entropy`, `kras` and `quadratic` take any linear
constraints (`rows`); `contradictions` says which totals cannot be met together, and the smallest change that helps.
"""
