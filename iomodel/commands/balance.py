"""`iomodel balance`: a draft and a file of totals in, a table that meets them out."""

from __future__ import annotations

import argparse

from iomodel.commands.options import Command, number_or_text
from iomodel.commands.output import say


def add(command: Command) -> None:
    """`iomodel balance FILE --totals FILE --out FILE`."""
    parser = command("balance", _balance, "fit a draft of a table to its row and column totals")
    text = "the draft: NetCDF with flows, final_demand and value_added (or a table of save_table), or one matrix"
    parser.add_argument("draft", metavar="FILE", help=text)
    text = "CSV with the columns side, region, sector, value, hardness (hard, free, or a softness above 0)"
    parser.add_argument("--totals", metavar="FILE", help=text)
    text = "ras, gras, kras, entropy or quadratic (%(default)s)"
    parser.add_argument("--method", metavar="NAME", default="gras", help=text)
    text = "shares: rows and columns of zeros with a total start with the shares of the others"
    parser.add_argument("--seed", metavar="NAME", help=text)
    text = "largest miss of a hard total, as a share of its turnover"
    parser.add_argument("--tolerance", metavar="VALUE", type=number_or_text, help=text)
    text = "write the table although its draft is an ESTIMATE, whose single cells say little"
    parser.add_argument("--estimate-ok", action="store_true", help=text)
    parser.add_argument("--out", metavar="FILE", required=True, help="the balanced table, NetCDF")


def _balance(asked: argparse.Namespace) -> int:
    from iomodel.balancing.balanced import balance_draft, write_balanced
    from iomodel.balancing.drafts import read_draft
    from iomodel.balancing.totals import free_totals
    from iomodel.balancing.totals_file import read_totals
    from iomodel.errors import BalanceError
    from iomodel.files import netcdf_file

    out = netcdf_file("--out", asked.out, BalanceError)
    draft = read_draft(asked.draft)
    if out.is_file() and out.samefile(asked.draft):
        raise BalanceError(f"--out: found {asked.out!r}, which is the draft itself; allowed: another file.")
    totals = free_totals(draft) if asked.totals is None else read_totals(asked.totals, draft)
    balanced = balance_draft(draft, totals, method=asked.method, seed=asked.seed, tolerance=asked.tolerance)
    written = write_balanced(balanced, out, estimate_ok=asked.estimate_ok)
    say(balanced.report.text())
    say(str(written))
    return 0
