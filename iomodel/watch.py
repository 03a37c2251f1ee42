"""What is watched: quantities that no law holds unless a file says so, pointed out where they leave their margin.

Public debt, deficit and debt of firms against the reference path; the current account and household saving against
their own floors and ceilings; GDP below the reference's. The margins are cards.
"""

from __future__ import annotations

import numpy as np
import xarray as xr

from iomodel.cards import Cards


def watch(data: xr.Dataset, reference: xr.Dataset, cards: Cards) -> list[str]:
    """A sentence for each watched quantity that leaves its margin in a year of policy: first year and worst.

    data, reference: the path and the path without levers (dims year, sector; shares in percent).
    """
    years = data["year"] >= data.attrs["first_policy_year"]
    path, usual = data.sel(year=years), reference.sel(year=years)
    debts = (
        ("public_debt_share", "public debt", cards["watched_debt"]),
        ("deficit_share", "the public deficit", cards["watched_deficit"]),
        ("firm_debt_share", "the debt of firms", cards["watched_firm_debt"]),
    )
    found = [
        _said(path[name] - usual[name] - margin, f"{title} is more than {margin:g} points of GDP above the reference's")
        for name, title, margin in debts
    ]
    low, high = cards["watched_current_account_low"], cards["watched_current_account_high"]
    account = path["current_account_share"]
    found.append(_said(low - account, f"the current account is below {low:g} percent of GDP"))
    found.append(_said(account - high, f"the current account is above {high:g} percent of GDP"))
    floor = 100 * cards["watched_household_saving"]
    found.append(_said(floor - path["household_saving_rate"], f"households save less than {floor:g} percent of income"))
    gdp = 100 * (usual["gdp"] - path["gdp"]) / usual["gdp"]
    found.append(_said(gdp, "GDP is below the reference's", unit="percent"))
    strained = path["strained_output"].sum("sector")
    found.append(
        _said(strained - 1e-6, "output is beyond the limit of plant in some sector", unit="percent of base-year GDP")
    )
    return [sentence for sentence in found if sentence]


def _said(beyond: xr.DataArray, text: str, unit: str = "points beyond that") -> str:
    """The sentence with the first year and the worst; empty where the margin holds."""
    values = np.asarray(beyond.values, dtype=float)
    if values.max(initial=-np.inf) <= 1e-9:
        return ""
    first = int(beyond["year"].values[int(np.argmax(values > 1e-9))])
    worst = int(np.argmax(values))
    return f"{text} from {first} on, by up to {values[worst]:.2g} {unit} ({int(beyond['year'].values[worst])})"
