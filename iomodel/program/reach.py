"""What no path can reach, known before anything is solved: bounds that a first year already cannot meet.

The most that the current account can be in the first solved year has a closed form, since only what is decided within
the year moves it: with C, E and q at nothing and reform at its pace, demand at home is the least there is.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from iomodel.program.arrays import DIRECTIONS
from iomodel.program.setting import Setting

Array = npt.NDArray[np.float64]


def first_balance(setting: Setting, floor: float) -> float | None:
    """The most that the current account can be in the first year, percent of that year's GDP, under a floor above zero.

    None where the floor is not above zero or more demand would help to meet it, so that nothing is known beforehand. A
    floor above the number returned is met by no path; one below it may still be out of reach later.
    """
    arrays, cards, first = setting.arrays, setting.cards, setting.first
    share = floor / 100
    content = arrays.imported.sum(axis=0)
    added = arrays.value_added_share
    imports = content @ arrays.form_directions + arrays.direction_imports.sum(axis=0)
    gdp = added @ arrays.form_directions + arrays.direction_taxes
    if floor <= 0 or ((-imports - share * gdp) > 0).any():
        return None
    amounts = np.zeros(len(DIRECTIONS))
    amounts[DIRECTIONS.index("government_individual")] = setting.account("in_kind_spending") * setting.trend[0]
    amounts[-arrays.sector("asset_mix").shape[0] :] = _least_investment(setting)
    data = arrays.output_data[:, first]
    bought = content @ data + arrays.data_imports[:, first].sum() + imports @ amounts
    earned = added @ data + arrays.data_taxes[first] + gdp @ amounts
    balance = arrays.export_total[first] - bought - cards["net_income_abroad"] * setting.trend[0]
    return float(100 * balance / earned)


def _least_investment(setting: Setting) -> Array:
    """(assets,) investment of the first year when reform goes as fast as it may."""
    arrays, cards, first = setting.arrays, setting.cards, setting.first
    reform = min(cards["reform_pace"], cards["reform_limit"]) if setting.free("reform") else 0.0
    answer = arrays.sector("accelerator") * arrays.sector("capital_cost") * setting.state.gap
    market = np.maximum(arrays.sector("market_investment") * setting.trend[0] + answer, 0.0)
    drive = (1 - (1 - cards["reform_leakage"]) * reform) * arrays.drive_trend[:, first]
    public = arrays.sector("public_investment") * setting.trend[0] * (1 - cards["reform_public"] * reform)
    return np.asarray(arrays.sector("asset_mix") @ (market + drive + public))
