"""Why an experiment has no path, in words: what collides, in which years, the smallest breach, and what mends it.

`solve` says the first part in its error; the remedies are searched here, since each is checked by solving with it.
"""

from __future__ import annotations

from collections.abc import Sequence

from iomodel.answers.remedies import Case, Remedies, remedies_of
from iomodel.course import economy_of
from iomodel.economy import Economy
from iomodel.errors import InfeasibleError
from iomodel.experiment import Experiment, experiment_required
from iomodel.program.block import Block
from iomodel.run import solve


def explain_infeasible(experiment: Experiment, economy: Economy | None = None, blocks: Sequence[Block] = ()) -> str:
    """Which laws of an experiment collide, in which years and by how much, and the smallest changes that mend it.

    Each remedy is checked: the experiment is solved with it. A feasible experiment is said to be feasible. blocks: a
    user's own. Raises SolverError where it is neither solved nor proven to have no path.

    >>> import iomodel as iom
    >>> asked = iom.load_experiment("demand-only").set("targets.package", {"exactly": 9.0, "by": 8, "hard": True})
    >>> print(iom.explain_infeasible(asked))  # doctest: +ELLIPSIS
    demand-only: No path meets all laws.
    What collides, each part of it needed:
      package in 2033 (targets.package: exactly 9 points of GDP from 2033 on, hard)
      programme pace in 2026–2033 (cards.programme_ramp = 0.6 percent of GDP per year)
    ...
    """
    if not experiment_required(experiment).levers.free:
        return f"{experiment.name} has no free lever: it is simulated, and no laws can collide."
    try:
        path = solve(experiment, economy, blocks)
    except InfeasibleError as error:
        return explained(error, experiment, economy)
    return f"{experiment.name} is feasible: {path.verdict}"


def explained(error: InfeasibleError, experiment: Experiment, economy: Economy | None = None) -> str:
    """The text of an error of `solve`, with the remedies; the text alone where the error came without its program."""
    if error.program is None or error.collision is None:
        return str(error)
    case = Case(experiment, economy_of(experiment) if economy is None else economy, error.program)
    return "\n".join([str(error), *_said(remedies_of(case, error.collision))])


def _said(found: Remedies) -> list[str]:
    """Remedies in words."""
    if found.alone:
        lines = ["Feasible with any one of these, each checked by solving with it:"]
        lines += [f"  {remedy.text}" for remedy in found.alone]
    elif found.together:
        lines = ["No single change suffices. Feasible with these together, checked by solving with them:"]
        lines += [f"  {remedy.text}" for remedy in found.together]
    else:
        lines = ["No change of one thing that the file or a card states was found to suffice; see the smallest breach."]
    if found.helpless:
        lines.append(f"Not enough by itself: {'; '.join(found.helpless)}.")
    return lines
