"""Parts of the benchmark of grids: the grids, bare solver processes, and a cluster on this machine."""
