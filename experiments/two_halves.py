"""The argument as a script: each half alone, both together, and what they do to trading partners.

python experiments/two_halves.py
"""

import iomodel as iom
from iomodel.spillover import partner_total

# A country that builds more plant than it can use: China in the ESTIMATE of the world of 2020, where its part is the
# official table by 28 sectors.
economy = iom.calibrate(iom.load_table("world-2020-estimate"), region="CHN")

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

# Abroad, against business as usual: each number with its range over the variants of the estimate.
partners = iom.spillovers(both, reference=usual)
for partner in ("USA", "EU", "KOR", "AUS"):
    change = partner_total(partners, partner, "value_added_change").sum("channel").isel(year=-1)
    each = partner_total(partners, partner, "value_added_change_by_variant").sum("channel").isel(year=-1)
    central, low, high = (float(value) for value in (change, each.min(), each.max()))
    print(f"{partner}: value added {central:+,.0f} ({low:+,.0f} to {high:+,.0f}) million USD")
