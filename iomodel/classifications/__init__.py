"""Sectors and regions under other names: concordances, sectors inside sectors, and what is known of each sector."""
