"""The page of an experiment, for leads and the data team: what is known so far, and nothing more."""

from collections.abc import Iterator
from datetime import date

from models.experiment.effect import LEAST_EXPANSIONS
from models.experiment.known import EXPANDED, EXPANSION_ARR, Effect, ExperimentState
from models.report.templating import environment

PAGE = "experiment.html"
"""Its name in the folder of the reports."""
NAMES = {EXPANDED: "Accounts that expand", EXPANSION_ARR: "Expansion ARR of an account"}


def experiment_page(name: str, day: date, state: ExperimentState, horizon_days: int, currency: str) -> str:
    """The page as HTML. It names no account."""
    made = environment()
    made.filters["amount"] = lambda effect, value: say_amount(effect.measure, value, currency)
    made.filters["mean"] = lambda effect, value: say_mean(effect.measure, value, currency)
    return made.get_template("experiment.html.j2").render(
        title=f"The experiment {name}",
        names=NAMES,
        sentences=list(sentences(name, day, state, horizon_days, currency)),
        effects=state.effects,
    )


def sentences(name: str, day: date, state: ExperimentState, horizon_days: int, currency: str) -> Iterator[str]:
    """What is known, in words: the same on the page and in the terminal."""
    yield (
        f"The experiment {name}, as known before {day}: {state.accounts:,} accounts in {state.units:,} units, "
        f"{state.units_held_out:,} of them held out, as drawn (p = {state.ratio_p:.2f})."
    )
    yield (
        f"{state.rows:,} windows of {horizon_days} days are over, {state.rows_held_out:,} of accounts held out; "
        f"in {state.expansions:,} of these the account expanded."
    )
    if not state.effects:
        yield f"That is too little to tell a difference: from {LEAST_EXPANSIONS} such expansions on one is told."
    for effect in state.effects:
        yield _verdict(effect, state, horizon_days, currency)


def _verdict(effect: Effect, state: ExperimentState, horizon_days: int, currency: str) -> str:
    def said(value: float) -> str:
        return say_amount(effect.measure, value, currency)

    between = f"{said(effect.on_all_days[0])} to {said(effect.on_all_days[1])}"
    what = f"{NAMES[effect.measure]} in {horizon_days} days"
    if not effect.is_shown:
        return f"{what}: not known yet whether being listed changes it. The difference lies within {between}."
    listed = state.rows - state.rows_held_out
    in_all = f" Over the {listed:,} windows listed so far: {said(listed * effect.value)}."
    is_money = effect.measure != EXPANDED
    more = "more" if effect.value > 0 else "less"
    return f"{what}: {said(effect.value)}, {more} where it is listed; within {between}.{in_all * is_money}"


def say_mean(measure: str, value: float, currency: str) -> str:
    """A mean of an arm: a share, or money per year."""
    return f"{value:.1%}" if measure == EXPANDED else f"{currency}{value:,.0f}"


def say_amount(measure: str, value: float, currency: str) -> str:
    """A difference with its sign: in points, or in money per year."""
    sign = "-" if value < 0 else "+"
    return f"{sign}{100 * abs(value):.1f} points" if measure == EXPANDED else f"{sign}{currency}{abs(value):,.0f}"
