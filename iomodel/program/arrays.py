"""The seam: one economy as numpy arrays, with output written in the few directions in which final demand moves.

Output is x_t = x̄_t + Σ_k (L f_k) z_k,t, where the directions f_k are the bundles of household consumption, spending in
kind, overflow imports and investment by asset: one factorisation of I − A^D and one solve for each direction (Leontief
1936; Miller and Blair 2009, eq. 2.11). Letters here are those of the docs' model page.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
import xarray as xr
from scipy.linalg import lu_factor, lu_solve

from iomodel.cards import Cards
from iomodel.economy import Economy
from iomodel.labels import ASSETS

Array = npt.NDArray[np.float64]

DIRECTIONS = ("household", "government_individual", "overflow", *ASSETS)
"""Uses whose amount a path decides; the others are yearly data."""


@dataclass(frozen=True)
class Arrays:
    """Numbers of one economy, by sector (n), direction (k) and path year (t, base year first)."""

    economy: Economy
    form_directions: Array
    """(n, k): output called forth by one unit of each direction."""
    output_data: Array
    """(n, t): output for the uses that are data: exports, collective use and stocks on trend, and the fixed part γ of
    household consumption. Spending in kind is a direction, its trend included."""

    @property
    def cards(self) -> Cards:
        """The cards of the economy."""
        return self.economy.cards

    @cached_property
    def _sectors(self) -> dict[str, Array]:
        return _plain(self.economy.sectors)

    @cached_property
    def _accounts(self) -> dict[str, Array]:
        return _plain(self.economy.accounts)

    @cached_property
    def _paths(self) -> dict[str, Array]:
        return _plain(self.economy.paths)

    def sector(self, name: str) -> Array:
        """One array by sector of the economy."""
        return self._sectors[name]

    def account(self, name: str) -> float:
        """One scalar of the base year's accounts."""
        return float(self._accounts[name])

    def path(self, name: str) -> Array:
        """One yearly path, base year first."""
        return self._paths[name]

    @cached_property
    def industry(self) -> npt.NDArray[np.bool_]:
        """(n,) whether a sector is industry, whose utilisation is published."""
        return self.sector("industry") > 0

    @cached_property
    def domestic(self) -> Array:
        """A^D (n, n)."""
        return np.asarray(self.economy.coefficients["domestic"].values)

    @cached_property
    def imported(self) -> Array:
        """A^M (n, n)."""
        return np.asarray(self.economy.coefficients["imported"].values)

    def home(self, use: str) -> Array:
        """(n,) home goods in a use's bundle (a level for stocks, exports and the fixed part of consumption)."""
        return np.asarray(self.economy.bundles.sel(use=use).values[0])

    def abroad(self, use: str) -> Array:
        """(n,) imported goods in a use's bundle."""
        return np.asarray(self.economy.bundles.sel(use=use).values[1:].sum(axis=0))

    def tax(self, use: str) -> float:
        """Net product taxes in a use's bundle."""
        return float(self.economy.bundle_taxes.sel(use=use))

    @cached_property
    def home_directions(self) -> Array:
        """(n, k) home goods in one unit of each direction."""
        return np.stack([self.home(use) for use in DIRECTIONS], axis=1)

    @cached_property
    def home_data(self) -> Array:
        """(n, t) home goods of the uses at home that are data."""
        return self.home("household_fixed")[:, None] + np.outer(self.on_trend(self.home), self.path("trend"))

    @cached_property
    def exports(self) -> Array:
        """(n, t) exports of home goods as they are data."""
        return np.asarray(self.economy.exports.transpose("sector", "year").values)

    @cached_property
    def _factor(self) -> tuple[Array, npt.NDArray[np.int32]]:
        return lu_factor(np.eye(self.domestic.shape[0]) - self.domestic)

    def called_forth(self, demand: Array) -> Array:
        """Output that home demand by sector calls forth: (I − A^D)⁻¹ demand."""
        return np.asarray(lu_solve(self._factor, demand))

    @cached_property
    def direction_taxes(self) -> Array:
        """(k,) net product taxes in one unit of each direction."""
        return np.array([self.tax(use) for use in DIRECTIONS])

    @cached_property
    def direction_imports(self) -> Array:
        """(n, k) imported goods in one unit of each direction."""
        return np.stack([self.abroad(use) for use in DIRECTIONS], axis=1)

    @cached_property
    def data_imports(self) -> Array:
        """(n, t) imported goods of the uses that are data, re-exports among them."""
        trend = self.path("trend")
        goods = self.abroad("household_fixed")[:, None] + np.outer(self.on_trend(self.abroad), trend)
        return goods + self.economy.re_exports.transpose("sector", "year").values

    @cached_property
    def data_taxes(self) -> Array:
        """(t,) net product taxes of the uses that are data."""
        on_trend = self.account("collective_consumption") * self.tax("government_collective")
        return (on_trend + self.tax("inventories")) * self.path("trend") + self.tax("exports") * self.path(
            "export_volume"
        )

    @cached_property
    def export_total(self) -> Array:
        """(t,) exports with re-exports and taxes on exports."""
        sold = self.economy.exports.sum("sector") + self.economy.re_exports.sum("sector")
        return sold.values + self.tax("exports") * self.path("export_volume")

    @cached_property
    def stock_total(self) -> float:
        """Change of stocks in the base year, home and imported goods and taxes."""
        return float(self.home("inventories").sum() + self.abroad("inventories").sum() + self.tax("inventories"))

    @cached_property
    def value_added_share(self) -> Array:
        """(n,) v = wages + surplus + taxes on production, per unit of output."""
        return self.sector("wage_share") + self.sector("surplus_share") + self.sector("tax_share")

    @cached_property
    def jobs_per_output(self) -> Array:
        """(n, t) ℓ_t = ℓ_0 exp(−A_t), million persons per unit of output."""
        return np.outer(self.sector("jobs_per_output"), np.exp(-self.path("efficiency")))

    @cached_property
    def wage(self) -> Array:
        """(t,) wage a person and year at constant prices."""
        return self.account("wage") * np.exp(self.path("efficiency"))

    @cached_property
    def labour_force(self) -> Array:
        """(t,) million persons."""
        return self.account("labour_force") * self.path("labour_force")

    @cached_property
    def persons_output(self) -> Array:
        """(n,) jobs that follow output, per job at given productivity: 1 − o − o'."""
        return 1.0 - self.sector("overhead") - self.sector("trend_jobs")

    @cached_property
    def persons_capacity(self) -> Array:
        """(n,) jobs that follow plant: o u_0."""
        return self.sector("overhead") * self.sector("utilisation")

    @cached_property
    def persons_trend(self) -> Array:
        """(n, t) jobs that follow trend, as output: o' x_0 g_t."""
        return np.outer(self.sector("trend_jobs") * self.sector("output"), self.path("trend"))

    @cached_property
    def drive_trend(self) -> Array:
        """(n, t) the investment drive without reform."""
        favoured = self.sector("favoured")[:, None] > 0
        index = np.where(favoured, self.path("drive_favoured")[None, :], self.path("drive_elsewhere")[None, :])
        return self.sector("drive_investment")[:, None] * index

    @cached_property
    def gap_base(self) -> Array:
        """(n,) wanted less installed capacity in the base year."""
        return self.sector("output") / self.sector("normal_use") - self.sector("capacity")

    @cached_property
    def built_per_yuan(self) -> dict[str, Array]:
        """Motive -> (n,) capacity built by a unit of its investment: yield / capital cost."""
        return {
            motive: self.sector(f"yield_{motive}") / self.sector("capital_cost")
            for motive in ("market", "drive", "public")
        }

    def on_trend(self, part: Callable[[str], Array]) -> Array:
        """(n,) goods of collective use and stocks in the base year; part: `home` or `abroad`."""
        return self.account("collective_consumption") * part("government_collective") + part("inventories")


def _plain(dataset: xr.Dataset) -> dict[str, Array]:
    """The variables of a dataset as read-only numpy arrays."""
    found = {str(name): np.array(variable.values, dtype=float) for name, variable in dataset.data_vars.items()}
    for array in found.values():
        array.setflags(write=False)
    return found


def arrays_of(economy: Economy) -> Arrays:
    """The arrays of `economy`; factorises I − A^D once."""
    bare = Arrays(economy, np.zeros((0, 0)), np.zeros((0, 0)))
    directions = bare.called_forth(bare.home_directions)
    return Arrays(economy, directions, bare.called_forth(bare.home_data + bare.exports))
