"""The tables of what became of expansions and of plays as code."""

from data.contract.outputs import OutputColumn, OutputKind, OutputTable
from data.contract.vocabulary import MOTIONS, PLAY_STATUSES

ANY, CHURN, CONTRACTION, SATISFACTION = "any", "churn", "contraction", "satisfaction"
OUTCOMES = (CHURN, CONTRACTION, SATISFACTION)
RATE, DAYS = "share, or 1-5", "days"


def _number(name: str, meaning: str, unit: str) -> OutputColumn:
    return OutputColumn(name, OutputKind.NUMBER, meaning, unit, nullable=True)


def _count(name: str, meaning: str, unit: str) -> OutputColumn:
    return OutputColumn(name, OutputKind.WHOLE, meaning, unit)


AFTER_EXPANSION = OutputTable(
    "after_expansion",
    "one outcome of the half year after one motion, of those that made it and of like accounts that did not expand",
    (
        OutputColumn("motion", OutputKind.TEXT, "that was made", words=(ANY, *MOTIONS)),
        OutputColumn(
            "outcome",
            OutputKind.TEXT,
            "`churn`: pays nothing half a year later; `contraction`: pays less, but something; `satisfaction`: its "
            "mean rating of tickets closed in the half year",
            words=OUTCOMES,
        ),
        _count("expansions", "accounts x months in which it was made, after half a year without any", "expansions"),
        _count("matched", "of them those with a like account, and of which the outcome is known", "expansions"),
        _number("expanded", "what came of those", RATE),
        _number("alike", "what came of the like accounts, a cell counted as often as there are expansions in it", RATE),
        _number("difference", "expanded - alike", RATE),
        _number("low", "lower end of its interval of 95%, accounts taken as one", RATE),
        _number("high", "upper end", RATE),
    ),
    key=("motion", "outcome"),
    order=("motion", "outcome"),
)

PLAYS = OutputTable(
    "plays",
    "one play, or all of them (`all`): what came of it as far as it is known",
    (
        OutputColumn("play", OutputKind.TEXT, "its code"),
        _count("opened", "on their triggers", "plays"),
        *(_count(status, f"that stand so: {status}", "plays") for status in PLAY_STATUSES),
        _number("close_rate", "won, of those that were won or lost", "share"),
        _number("close_rate_low", "lower end of its interval of 95% (Wilson 1927)", "share"),
        _number("close_rate_high", "upper end", "share"),
        _number("days_to_win_q1", "from the trigger to the close of those that were won: a quarter took at most", DAYS),
        _number("days_to_win", "half took at most", DAYS),
        _number("days_to_win_q3", "three quarters took at most", DAYS),
        OutputColumn("won_arr_e4", OutputKind.WHOLE, "ARR that they brought, where it was told",
                     "1/10,000 of the currency per year"),
    ),
    key=("play",),
    order=("play",),
)  # fmt: skip
