"""The few leading figures of one slice, and the rules by which all of them are made."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

import pandas as pd

from data.contract.vocabulary import MOTIONS
from data.errors import SettingsError, hint, some
from data.figures.accounts.calendar import YEAR_MONTHS
from data.figures.accounts.slices import WHOLE, of_slice
from data.figures.rebuilt import settled_days
from data.ledger.rules import ExpansionRules

NOT_KNOWN = "not known"
"""What a slice is called of whose accounts it is not known."""


@dataclass(frozen=True)
class Headline:
    """The leading figures of one slice at the end of its last month; None where there is nothing to tell.

    ``bridge``, ``year`` and ``of_month`` (retention), ``expansion`` (of a year, or of the month where there is no year
    yet) and ``speed`` are rows of the tables, by column.
    """

    name: str
    month: date
    bridge: Mapping[str, int]
    year: Mapping[str, float] | None
    of_month: Mapping[str, float] | None
    expansion: Mapping[str, float] | None
    speed: Mapping[str, float] | None


def headline(tables: Mapping[str, pd.DataFrame], segment: str | None = None) -> Headline:
    """The leading figures of a segment, or of the whole company. Raises ``SettingsError`` for a segment not there."""
    dimension, name = (WHOLE, WHOLE) if segment is None else ("segment", segment)
    bridge = of_slice(tables["bridge"], dimension, name)
    if bridge.empty:
        there = tables["bridge"]
        names = sorted(there[there["dimension"] == "segment"]["slice"].dropna().unique())
        raise SettingsError(
            f"Show the figures of the segment {segment}.",
            f"no account of it paid in these months{hint(name, names)}; there is {some(names) or 'no segment'}.",
            "Correct --segment, or leave it out.",
        )
    month = tables["bridge"]["month"].max()
    retained, expanded = (of_slice(tables[table], dimension, name) for table in ("retention", "expansion"))
    retained, expanded = (rows[rows["month"] == month] for rows in (retained, expanded))
    return Headline(
        name,
        pd.Timestamp(month).date(),
        {str(name): value for name, value in bridge.iloc[-1].items()},
        _last(retained[retained["months"] == YEAR_MONTHS]),
        _last(retained[retained["months"] == 1]),
        _last(expanded.sort_values("months")),
        _last(of_slice(tables["expansion_speed"], dimension, name)),
    )


def _last(rows: pd.DataFrame) -> dict[str, Any] | None:
    return None if rows.empty else {str(name): value for name, value in rows.iloc[-1].items()}


def rules_in_words(rules: ExpansionRules) -> list[tuple[str, str]]:
    """What stands beside the figures: the name of a rule, and the rule."""
    return [
        (
            "NRR, GRR",
            "by the SaaS Metrics Standards Board: the accounts that paid when the window began, each compared with "
            "itself at its two ends, all products together. A price rise is expansion. GRR counts of each account the "
            "lesser of the two.",
        ),
        ("Motions alone", "the same, without what changes of price alone left of the end; the difference is price."),
        (
            "Expansion",
            f"what {', '.join(MOTIONS)} added. Kept of it is what is more than the same account lost in the window, "
            "so that use that swings does not count each time it rises.",
        ),
        (
            "Reactivation",
            "who paid nothing when the window began is in neither part of NRR and GRR; an account of the cohort that "
            "left and came back counts with what it pays at the end. In the bridge it stands in a row of its own.",
        ),
        (
            "Currency",
            "every amount at the last rate of its currency known on the day, so a rate that moves is no movement.",
        ),
        (
            "One day",
            "movements of an account on one day are told by class; what it paid before and after the day decides "
            "whether it came, left or came back.",
        ),
        (
            "Not settled",
            f"a month is settled {settled_days(rules)} days after it is over: until then what ended in it may be "
            "renewed late, or have been moved to another product.",
        ),
        (
            "Segment, region, owner",
            "as they are today, also for past months. Plan: the one that the account began with.",
        ),
    ]
