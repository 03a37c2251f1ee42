"""Simulation: the same laws with all levers given, one year after another.

It makes the reference path, replays what a solver returned, and is the second, independent way to a stated policy.
Within a year consumption, jobs and income hang together linearly; overflow imports are the smallest that meet labour
up to their limit, then consumption is rationed; output above the limit of plant is reported, not forbidden.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from iomodel.program.arrays import DIRECTIONS, Arrays

Array = npt.NDArray[np.float64]
Flows = dict[str, float | Array]


@dataclass(frozen=True)
class State:
    """What one year hands to the next: stocks at its start, and last year's gap, jobs and precaution."""

    capacity: Array
    closed: Array
    public_debt: float
    firm_debt: float
    precaution: float
    gap: Array
    """(n,) last year's gap of capacity less its trend; zero before the first year."""
    jobs: Array


@dataclass(frozen=True)
class Levers:
    """What policy decides in one year: programme E, reform ρ, retirement R (n,), benefit rate rb, and who pays."""

    programme: float
    reform: float
    retirement: Array
    benefit_rate: float
    payer: str = "debt"


def base_state(arrays: Arrays) -> State:
    """State at the start of the base year."""
    zero = np.zeros(arrays.sector("output").size)
    return State(
        capacity=arrays.sector("capacity"),
        closed=zero,
        public_debt=arrays.account("public_debt"),
        firm_debt=arrays.account("firm_debt"),
        precaution=0.0,
        gap=zero,
        jobs=arrays.sector("jobs"),
    )


def no_levers(arrays: Arrays) -> Levers:
    """Levers of the reference path."""
    return Levers(0.0, 0.0, np.zeros(arrays.sector("output").size), arrays.cards["benefit_rate"])


def step(arrays: Arrays, t: int, state: State, levers: Levers) -> tuple[Flows, State]:
    """One year: flows of path year `t` (0 is the base year) and the state that it leaves."""
    flows = planned(arrays, t, state, levers)
    flows |= market(arrays, t, state, levers, flows)
    return completed(arrays, t, state, levers, flows)


def planned(arrays: Arrays, t: int, state: State, levers: Levers) -> Flows:
    """What of a year is given before its markets clear: investment and welfare."""
    return _investment(arrays, t, state, levers) | _welfare(arrays, t, state, levers)


def completed(
    arrays: Arrays, t: int, state: State, levers: Levers, flows: Flows, exports: Array | None = None
) -> tuple[Flows, State]:
    """All flows of a year whose markets have cleared, and the state that it leaves; `exports` as in `market`."""
    flows = dict(flows)
    sold = arrays.export_total[t] + (0.0 if exports is None else float((exports - arrays.exports[:, t]).sum()))
    flows |= _institutions(arrays, t, state, levers, flows, float(sold))
    flows |= _plant_and_jobs(arrays, t, state, levers, flows)
    return flows, _next_state(arrays, t, state, levers, flows)


def _investment(arrays: Arrays, t: int, state: State, levers: Levers) -> Flows:
    """Investment by motive (n,) and by asset."""
    cards, trend = arrays.cards, arrays.path("trend")[t]
    response = arrays.sector("accelerator") * arrays.sector("capital_cost") * state.gap
    market = np.maximum(arrays.sector("market_investment") * trend + response, 0.0)
    drive = (1 - (1 - cards["reform_leakage"]) * levers.reform) * arrays.drive_trend[:, t]
    public = arrays.sector("public_investment") * trend * (1 - cards["reform_public"] * levers.reform)
    total = market + drive + public
    assets = arrays.sector("asset_mix") @ total
    built = sum(
        arrays.built_per_yuan[name] * part for name, part in (("market", market), ("drive", drive), ("public", public))
    )
    return {
        "market_investment": market, "drive_investment": drive, "public_investment": public,
        "investment_construction": assets[0], "investment_equipment": assets[1], "investment_intangible": assets[2],
        "investment": float(total.sum()), "capacity_built": np.asarray(built), "reform": levers.reform,
    }  # fmt: skip


def _welfare(arrays: Arrays, t: int, state: State, levers: Levers) -> Flows:
    """Social spending in kind and in cash, severance, and the release of precautionary saving."""
    cards, trend = arrays.cards, arrays.path("trend")[t]
    in_kind = cards["programme_in_kind_share"] * levers.programme
    cash = levers.programme - in_kind
    speed = cards["precaution_speed"]
    closed_jobs = arrays.sector("displacement") * arrays.jobs_per_output[:, t] * arrays.sector("utilisation")
    severance = cards["severance_years"] * arrays.wage[t] * float(closed_jobs @ levers.retirement)
    return {
        "programme": levers.programme,
        "in_kind_spending": arrays.account("in_kind_spending") * trend + in_kind,
        "cash_transfers": arrays.account("cash_transfers") * trend + cash,
        "collective_consumption": arrays.account("collective_consumption") * trend,
        "severance": severance,
        "precaution": (1 - speed) * state.precaution + speed * cards["precaution"] * (in_kind + cash),
        "household_tax": arrays.account("household_tax") * trend
        + (levers.programme if levers.payer == "household_tax" else 0.0),
        "dividends": arrays.account("dividends") * trend + (levers.programme if levers.payer == "dividends" else 0.0),
    }


@dataclass(frozen=True)
class _Line:
    """An amount that is affine in consumption and overflow imports."""

    base: float
    consumption: float
    overflow: float

    def at(self, consumption: float, overflow: float) -> float:
        return self.base + self.consumption * consumption + self.overflow * overflow


def market(arrays: Arrays, t: int, state: State, levers: Levers, flows: Flows, exports: Array | None = None) -> Flows:
    """Consumption, overflow and rationing that clear goods, income and labour of the year; `exports` (n,) stand for
    those that are data."""
    cards = arrays.cards
    amounts = {
        "government_individual": flows["in_kind_spending"], "construction": flows["investment_construction"],
        "equipment": flows["investment_equipment"], "intangible": flows["investment_intangible"],
    }  # fmt: skip
    base = arrays.output_data[:, t].copy()
    if exports is not None:
        base += arrays.called_forth(exports - arrays.exports[:, t])
    for place, use in enumerate(DIRECTIONS):
        if use in amounts:
            base += arrays.form_directions[:, place] * amounts[use]
    moves = (
        arrays.form_directions[:, DIRECTIONS.index("household")],
        arrays.form_directions[:, DIRECTIONS.index("overflow")],
    )
    plant = arrays.persons_capacity * state.capacity + arrays.persons_trend[:, t]

    def line(weight: Array, fixed: float = 0.0) -> _Line:
        return _Line(float(weight @ base) + fixed, float(weight @ moves[0]), float(weight @ moves[1]))

    jobs_weight = arrays.jobs_per_output[:, t]
    jobs = line(jobs_weight * arrays.persons_output, float(jobs_weight @ plant))
    wage_weight = arrays.sector("wage_share")
    wages = line(wage_weight * arrays.persons_output, float(wage_weight @ plant))
    surplus = line(wage_weight + arrays.sector("surplus_share"))
    clear = _Clearing(arrays, t, state, levers, flows, jobs, wages, surplus)
    consumption, overflow, rationed = clear.solve(cards["overflow_limit"])
    output = base + moves[0] * consumption + moves[1] * overflow
    return {
        "household_consumption": consumption,
        "overflow_imports": overflow,
        "forced_saving": rationed,
        "output": output,
        "wages": wages.at(consumption, overflow),
        "labour_force": arrays.labour_force[t],
    }


@dataclass(frozen=True)
class _Clearing:
    """The linear system of one year in consumption C, with overflow q and rationing z by complementarity."""

    arrays: Arrays
    t: int
    state: State
    levers: Levers
    flows: Flows
    jobs: _Line
    wages: _Line
    surplus: _Line

    def coefficients(self) -> _Line:
        """C = base + consumption · C + overflow · q − z: the right-hand side of the consumption law."""
        a, t, cards = self.arrays, self.t, self.arrays.cards
        market, transfer = cards["propensity_market_income"], cards["propensity_transfers"]
        theta, wage_tax = a.account("household_surplus_share"), a.account("wage_tax_rate")
        benefit = self.levers.benefit_rate * a.wage[t]
        interest = cards["interest_to_households"] * cards["interest_rate"] * self.state.public_debt
        fixed_transfers = float(self.flows["cash_transfers"]) + float(self.flows["severance"])

        def part(wages: float, surplus: float, jobs: float) -> float:
            income = (1 - wage_tax) * wages + theta * (surplus - wages)
            return market * income - transfer * benefit * jobs

        base = part(self.wages.base, self.surplus.base, self.jobs.base)
        base += market * (interest - float(self.flows["household_tax"]))
        base += transfer * (fixed_transfers + benefit * a.labour_force[t])
        base += a.account("autonomous_consumption") * a.path("trend")[t] + a.path("pandemic")[t]
        base += float(self.flows["precaution"])
        return _Line(
            base,
            part(self.wages.consumption, self.surplus.consumption, self.jobs.consumption),
            part(self.wages.overflow, self.surplus.overflow, self.jobs.overflow),
        )

    def solve(self, limit: float) -> tuple[float, float, float]:
        """Consumption, overflow imports and rationing."""
        law = self.coefficients()
        places = self.arrays.labour_force[self.t] * (1 - self.arrays.cards["frictional_unemployment"])
        consumption = law.base / (1 - law.consumption)
        if self.jobs.at(consumption, 0.0) <= places:
            return consumption, 0.0, 0.0
        system = np.array([[1 - law.consumption, -law.overflow], [self.jobs.consumption, self.jobs.overflow]])
        consumption, overflow = np.linalg.solve(system, [law.base, places - self.jobs.base])
        if overflow <= limit * consumption:
            return float(consumption), float(overflow), 0.0
        consumption = (places - self.jobs.base) / (self.jobs.consumption + limit * self.jobs.overflow)
        rationed = law.base + (law.consumption + law.overflow * limit - 1) * consumption
        return float(consumption), float(limit * consumption), float(rationed)


def _institutions(arrays: Arrays, t: int, state: State, levers: Levers, flows: Flows, exports: float) -> Flows:
    """Income, taxes and saving of households, firms, government and abroad, each from its own rows."""
    f = {key: value for key, value in flows.items() if isinstance(value, float | np.floating)}
    cards, trend, output = arrays.cards, arrays.path("trend")[t], np.asarray(flows["output"])
    jobs = jobs_by_sector(arrays, t, output, state.capacity)
    unemployed = arrays.labour_force[t] - float(jobs.sum())
    benefit = levers.benefit_rate * arrays.wage[t] * unemployed
    interest = cards["interest_rate"] * state.public_debt
    surplus = float((arrays.sector("wage_share") + arrays.sector("surplus_share")) @ output) - f["wages"]
    amounts = direction_amounts(f)
    product_taxes = float(arrays.direction_taxes @ amounts) + arrays.data_taxes[t]
    taxes = float(arrays.sector("tax_share") @ output) + product_taxes
    imports = arrays.imported @ output + arrays.direction_imports @ amounts + arrays.data_imports[:, t]
    drive = np.asarray(flows["drive_investment"])
    support = arrays.account("drive_support_rate") * float((drive - arrays.sector("drive_investment") * trend).sum())
    theta, wage_tax = arrays.account("household_surplus_share"), arrays.account("wage_tax_rate")
    state_part = arrays.account("profit_tax_rate") + arrays.account("property_income_rate")
    to_households, abroad_income = cards["interest_to_households"], cards["net_income_abroad"] * trend
    transfers = f["cash_transfers"] + benefit + f["severance"]
    income = (1 - wage_tax) * f["wages"] + theta * surplus + to_households * interest + transfers - f["household_tax"]
    firms = (1 - theta - state_part) * surplus + (1 - to_households) * interest + support - f["dividends"]
    government = (
        taxes + wage_tax * f["wages"] + state_part * surplus + f["household_tax"] + f["dividends"]
        - f["collective_consumption"] - f["in_kind_spending"] - transfers - support - interest
    )  # fmt: skip
    stocks = arrays.stock_total * trend
    return {
        "jobs": jobs, "unemployed": unemployed, "unemployment_benefit": benefit, "interest": interest,
        "operating_surplus": surplus, "taxes": taxes, "imports": imports, "exports_total": exports,
        "household_income": income, "household_saving": income - f["household_consumption"],
        "firm_saving": firms - abroad_income, "government_saving": government,
        "foreign_saving": float(imports.sum()) - exports + abroad_income, "stock_change": stocks,
        "gdp": float(arrays.value_added_share @ output) + product_taxes,
        "gdp_expenditure": f["household_consumption"] + f["collective_consumption"] + f["in_kind_spending"]
        + f["investment"] + stocks + exports - float(imports.sum()),
        "social_spending": f["in_kind_spending"] + transfers,
    }  # fmt: skip


def direction_amounts(f: Mapping[str, float]) -> Array:
    """(k,) amounts of the directions, in their order."""
    return np.array([
        f["household_consumption"], f["in_kind_spending"], f["overflow_imports"],
        f["investment_construction"], f["investment_equipment"], f["investment_intangible"],
    ])  # fmt: skip


def jobs_by_sector(arrays: Arrays, t: int, output: Array, capacity: Array) -> Array:
    """n = ℓ_t [(1 − o − o') x + o u_0 K + o' x_0 g_t], million persons."""
    persons = arrays.persons_output * output + arrays.persons_capacity * capacity + arrays.persons_trend[:, t]
    return arrays.jobs_per_output[:, t] * persons


def _plant_and_jobs(arrays: Arrays, t: int, state: State, levers: Levers, flows: Flows) -> Flows:
    """Idle and strained plant, gap of capacity, layoffs and hires."""
    cards, output, industry = arrays.cards, np.asarray(flows["output"]), arrays.industry
    normal = arrays.sector("normal_use")
    wanted = output / normal
    limit = (normal + cards["capacity_margin"]) * state.capacity
    lost = arrays.sector("displacement") * arrays.jobs_per_output[:, t] * arrays.sector("utilisation")
    jobs = np.asarray(flows["jobs"])
    left = (1 - cards["attrition"]) * state.jobs
    laid_off = np.maximum(lost * levers.retirement, np.maximum(left - jobs, 0.0))
    return {
        "capacity": state.capacity,
        "retirement": levers.retirement,
        "idle_capacity": np.where(industry, np.maximum(state.capacity - wanted, 0.0), 0.0),
        "strained_output": np.where(industry, np.maximum(output - limit, 0.0), 0.0),
        "gap": wanted - state.capacity - (1 - cards["rebuilding"]) * state.closed,
        "laid_off": laid_off,
        "hired": jobs - left + laid_off,
        "public_debt": state.public_debt,
        "firm_debt": state.firm_debt,
    }


def _next_state(arrays: Arrays, t: int, state: State, levers: Levers, flows: Flows) -> State:
    """Stocks at the start of the next year; also writes the deficit and land sales into `flows`."""
    cards, decay = arrays.cards, arrays.sector("capacity_depreciation")
    f = {key: float(value) for key, value in flows.items() if np.ndim(value) == 0}
    trend, inflation = arrays.path("trend")[t], arrays.path("inflation")[t]
    land = arrays.path("land_share")[t] * cards["land_share_kept"] * f["gdp"]
    drive = float(np.asarray(flows["drive_investment"]).sum())
    public = float(np.asarray(flows["public_investment"]).sum()) + cards["vehicles_share"] * drive
    scrapped = float(arrays.sector("capital_cost") @ levers.retirement)
    deficit = public - land - f["government_saving"]
    borrowed = f["investment"] - public - cards["housing_investment"] * trend + f["stock_change"] + land
    borrowed += cards["financial_assets"] / 100 * f["gdp"] - f["firm_saving"]
    flows |= {"deficit": deficit, "land_sales": land, "scrapped": scrapped, "state_investment": public}
    flows["public_debt_end"] = (1 - inflation) * state.public_debt + deficit + cards["state_takeover"] * scrapped
    loss = cards["creditor_loss"] + cards["state_takeover"]
    flows["firm_debt_end"] = (1 - inflation) * state.firm_debt + borrowed - loss * scrapped
    gap = np.asarray(flows["gap"]) - arrays.gap_base * trend
    return State(
        capacity=(1 - decay) * state.capacity + np.asarray(flows["capacity_built"]) - levers.retirement,
        closed=(1 - decay) * state.closed + levers.retirement,
        public_debt=float(flows["public_debt_end"]),
        firm_debt=float(flows["firm_debt_end"]),
        precaution=f["precaution"],
        gap=gap if t > 0 else np.zeros_like(gap),
        jobs=np.asarray(flows["jobs"]),
    )
