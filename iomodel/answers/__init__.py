"""What one asks of an experiment beyond its path: frontiers, alternatives, what matters, collisions, comparisons."""
