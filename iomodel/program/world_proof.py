"""Why several deciding regions have no path, in words: what the proof of it rules out, and the laws that carry it."""

from __future__ import annotations

from iomodel.program.build import Program
from iomodel.program.canonical import compiled
from iomodel.program.certificate import Verdict
from iomodel.program.diagnose import ACCOUNTING, words


def proof_words(whole: Program, verdict: Verdict) -> str:
    """On what it rests that there is no path, and which laws carry it: multipliers times bounds (Farkas 1902)."""
    if verdict.warnings or not verdict.worst_residual > 0:
        return f"It is {'; '.join(verdict.warnings)}." if verdict.warnings else "It is proven by multipliers."
    said = (
        f"It rests on one proof, not looked at by a second solver, that misses {verdict.worst_residual:.0e}: it rules "
        f"out every path whose amounts are below {1 / verdict.worst_residual:.0e}."
    )
    laws = _carrying(whole)
    return f"{said} What weighs most in it: {', '.join(laws)}." if laws else said


def _carrying(whole: Program, most: int = 3) -> list[str]:
    """The laws with the largest multipliers times bounds in a proof, behaviour and accounting left out."""
    made, where = compiled(whole), whole.memo["places"]
    _, price = whole.memo["point"]
    weight = {
        name: abs(float(price[rows.ravel()] @ made.arrays.bound[rows.ravel()]))
        for name, rows in where.laws.items()
        if name.rpartition(" of ")[0] not in ACCOUNTING
    }
    least = 1e-3 * max(weight.values(), default=0.0)
    named = sorted((name for name in weight if weight[name] > least), key=lambda name: -weight[name])
    return [words(name) for name in named[:most]]
