"""The argument as a script: each half alone, both together, and what they do to trading partners.

python experiments/two_halves.py
"""

import iomodel as iom
from iomodel.spillover import partner_total

# A country that builds more plant than it can use: the official table of China for 2020, and its economy.
economy = iom.calibrate(iom.load_table("china-2020"), region="CHN")

# If nothing changes, plant stands idle and debt mounts.
usual = iom.simulate(iom.load_experiment("business-as-usual"), economy)

# One half: cut the local investment drive and close idle plant. The other: a social programme for households.
supply = iom.solve(iom.load_experiment("supply-only"), economy)
demand = iom.solve(iom.load_experiment("demand-only"), economy)

# The economists' point: the two must come together.
both = iom.solve(iom.load_experiment("two-halves"), economy)
print(iom.compare([usual, supply, demand, both]).round(1).to_string())

# What limits the way there, the costliest first.
for law in iom.what_binds(both)[:3]:
    print("-", law.text)

# Abroad: the same policy on the inter-country table of 2011, against business as usual there.
world = iom.solve(both.experiment.replace(table="world-2011"))
baseline = iom.simulate(usual.experiment.replace(table="world-2011"))
partners = iom.spillovers(world, reference=baseline)
for partner in ("USA", "EU", "KOR", "AUS"):
    change = partner_total(partners, partner, "value_added_change").sum("channel").isel(year=-1)
    print(f"{partner}: value added {float(change):+,.0f} {change.attrs.get('units', 'million USD')}")
