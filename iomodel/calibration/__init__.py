"""From a table to an economy: bundles, plant, jobs, utilisation, and defaults for the cards that a region lacks."""
