"""Who supplies a market: a two-nest CES share system for every good, market and use at once.

Imports from different sellers substitute among each other in the lower nest; the bundle of imports substitutes with the
market's own product in the upper nest. Relative prices are one in the base year, so base value shares calibrate the
whole system and a change of nothing returns them bit for bit. Arrays are plain numpy with axes (seller, good, market,
use), or (seller, good, market) for prices; sellers and markets are the same regions in the same order, so that the
diagonal seller = market is the market's own product.

A named rule for cells in which shares make no sense, `answering`: a cell (good, market, use) without demand, or with a
negative entry of any seller (stock changes are signed), keeps its base volumes and its price index of one.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from iomodel.errors import CardError, ExperimentError

Array = NDArray[np.float64]

_COBB_DOUGLAS = 1e-9


@dataclass(frozen=True)
class Elasticities:
    """Elasticities of substitution: home product against imports, and imports among each other; both positive."""

    home_import: float
    imports: float

    def __post_init__(self) -> None:
        for name, value in (("elasticity_home_import", self.home_import), ("elasticity_imports", self.imports)):
            if not (np.isfinite(value) and value > 0):
                raise CardError(f"{name} is {value:g}; an elasticity of substitution is a positive number.")


@dataclass(frozen=True)
class NewShares:
    """Value shares after a change of relative prices, and the price indices of the two nests.

    shares: (seller, good, market, use), sum over sellers 1 in cells that answer and 0 elsewhere;
    price_index, import_index: (good, market, use), base year = 1.
    """

    shares: Array
    price_index: Array
    import_index: Array


def answering(values: Array) -> NDArray[np.bool_]:
    """Cells (good, market, use) whose shares answer to prices: some demand, no negative seller.

    >>> answering(np.array([[1.0, 0.0, 2.0], [3.0, 0.0, -1.0]]).reshape(2, 1, 1, 3)).ravel().tolist()
    [True, False, False]
    """
    return (values.min(axis=0) >= 0) & (values.sum(axis=0) > 0)


def base_shares(values: Array) -> Array:
    """S_r = V_r / Σ_r V_r; zero in cells that do not answer (rule `answering`).

    values: (seller, good, market, use) in any one money unit at base prices.
    """
    cells = answering(values)
    total = np.where(cells, values.sum(axis=0), 1.0)
    return np.where(cells, values, 0.0) / total


def relative_prices(seller_prices: Array, tariffs: Array, base_tariffs: Array | float = 0.0) -> Array:
    """P_rid = p_ri (1 + tar_rid) / (1 + tar⁰_rid).

    seller_prices: (seller, good), base year = 1; tariffs, base_tariffs: (seller, good, market), fractions of the value.
    Raises ExperimentError when a price or a tariff leaves no positive price.
    """
    prices = seller_prices[:, :, None] * (1.0 + tariffs) / (1.0 + np.asarray(base_tariffs, dtype=float))
    if not (np.all(np.isfinite(prices)) and prices.min() > 0):
        raise ExperimentError(
            f"A tariff or price leaves a relative price of {np.min(prices):g}; tariffs lie above -100 points and "
            "prices above zero. Change the tariff."
        )
    return prices


def new_shares(shares: Array, prices: Array, sigma: Elasticities) -> NewShares:
    """S'_d = S_d (P_d/P)^(1−σ);  S'_r = S_r (PM/P)^(1−σ) (P_r/PM)^(1−σm), r ≠ d.

    PM = (Σ_{r≠d} (S_r/S_M) P_r^(1−σm))^(1/(1−σm)),  S_M = Σ_{r≠d} S_r,  P = (S_d P_d^(1−σ) + S_M PM^(1−σ))^(1/(1−σ)).
    shares: base shares (seller, good, market, use); prices: relative prices (seller, good, market), base year = 1.
    An elasticity of one is the Cobb-Douglas limit. Where nothing is imported PM = 1; where nothing is demanded P = 1.
    """
    own = _own(shares)
    price = np.broadcast_to(prices[..., None], shares.shape)
    imported = np.where(own, 0.0, shares)
    total_imports = imported.sum(axis=0)
    weights = imported / np.where(total_imports > 0, total_imports, 1.0)
    import_index = _index(weights, price, sigma.imports)
    home_share = np.where(own, shares, 0.0).sum(axis=0)
    home_price = np.where(own, price, 0.0).sum(axis=0)
    upper = np.stack([home_share, total_imports])
    index = _index(upper, np.stack([home_price, import_index]), sigma.home_import)
    home = shares * (price / index) ** (1 - sigma.home_import)
    abroad = shares * (import_index / index) ** (1 - sigma.home_import) * (price / import_index) ** (1 - sigma.imports)
    return NewShares(np.where(own, home, abroad), index, import_index)


def volumes(values: Array, prices: Array, sigma: Elasticities, fixed: NDArray[np.bool_] | None = None) -> Array:
    """V'_r = S'_r · (P Q) / P_r, with Q = Σ_r V_r the volume of the use, which is given.

    The composite of each cell keeps its volume Q, so its value is P·Q, and what changes is who delivers it. Volumes are
    at base prices, so that they add to Q only without a price change: what they add to beyond Q is the excess burden of
    the changed prices, of second order in them.
    values, result: (seller, good, market, use), base prices; fixed: uses (use,) that keep their base volumes, as do
    cells that do not answer (rule `answering`).
    """
    cells = answering(values)
    if fixed is not None:
        cells &= ~fixed
    shares = base_shares(values)
    new = new_shares(shares, prices, sigma)
    spent = new.price_index * values.sum(axis=0)
    moved = new.shares * spent / prices[..., None]
    # where no price of the cell changes the base volumes are kept to the last bit, not to rounding
    still = np.broadcast_to(((prices == 1.0).all(axis=0))[..., None], cells.shape)
    return np.where(cells & ~still, moved, values)


def _own(shares: Array) -> NDArray[np.bool_]:
    """True where the seller is the market: (seller, 1, market, 1)."""
    sellers, _, markets, _ = shares.shape
    if sellers != markets:
        raise ValueError(f"{sellers} sellers and {markets} markets; both are the regions of one table, in one order.")
    return np.eye(sellers, dtype=bool)[:, None, :, None]


def _index(weights: Array, prices: Array, sigma: float) -> Array:
    """P = (Σ w P^(1−σ))^(1/(1−σ)) over the first axis; as 1 + Σ w (P^(1−σ) − 1) it is exactly 1 at P = 1."""
    if abs(1 - sigma) < _COBB_DOUGLAS:
        return np.exp((weights * np.log(prices)).sum(axis=0))
    power = 1 - sigma
    return (1 + (weights * (prices**power - 1)).sum(axis=0)) ** (1 / power)
