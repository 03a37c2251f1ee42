"""The convex program of a rebalancing path: blocks of economics, their assembly, solution, certificate and replay."""
