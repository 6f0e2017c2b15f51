"""The table of signals: what the reasons of the accounts on short lists rest on, over the last year."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Protocol

import pandas as pd

from data.contract.feature_card import FeatureCard
from data.contract.outputs import CONTRADICTS, REASONS, SIGNALS
from serving.published import tables
from serving.published.checks import fitted
from serving.published.read import PublishedList

_READ = ("account_id", "reason_code", "features", "effect", "numbers_from", "shown")


class PastSignals(Protocol):
    """Who knows what features were on past days. ``names``: those that can be asked for."""

    @property
    def names(self) -> Collection[str]: ...

    def of(self, accounts: Sequence[str], names: Collection[str]) -> Iterator[pd.DataFrame]:
        """Some accounts at a time: account_id, snapshot_date (the day) and a column for each of ``names``."""
        ...


def write_signals(
    listing: PublishedList, past: PastSignals | None, catalogue: Mapping[str, FeatureCard]
) -> dict[str, dict[str, str]]:
    """Write ``signals``, and return label and unit of each feature in it; ``past``: None where nobody knows.

    ``scores`` and ``reasons`` are there already.
    """
    told = tables.without_rows(SIGNALS) if past is None else signals_of_list(listing, past)
    tables.write(listing.path(SIGNALS.name), fitted(listing.snapshot_date, told, SIGNALS))
    cards = {name: catalogue[name] for name in sorted(set(told["feature"]))}
    return {name: {"label": card.label, "unit": "" if card.is_own else card.unit} for name, card in cards.items()}


def signals_of_list(listing: PublishedList, past: PastSignals) -> pd.DataFrame:
    """The rows of ``signals`` of a list, from its reasons and what is known of the past."""
    asked = signals_asked(listing, past.names)
    if asked.empty:
        return tables.without_rows(SIGNALS)
    parts = past.of(sorted(set(asked["account_id"])), sorted(set(asked["feature"])))
    told = pd.concat([signals_told(asked, values) for values in parts], ignore_index=True)
    return told.assign(snapshot_date=listing.snapshot_date).sort_values([*SIGNALS.order], ignore_index=True)


def signals_asked(listing: PublishedList, names: Collection[str]) -> pd.DataFrame:
    """The signal of each shown reason of the accounts on short lists: account_id, reason_code, feature of ``names``."""
    reasons = listing.of(REASONS.name, listing.on_short_lists() or (), _READ)
    reasons = reasons[reasons["shown"].astype(bool) & (reasons["effect"] != CONTRADICTS)]
    rests_on = (reasons["numbers_from"] + "," + reasons["features"]).str.split(",")
    signals = [next((name for name in features if name in names), None) for features in rests_on]
    asked = reasons[["account_id", "reason_code"]].assign(feature=pd.Series(signals, reasons.index, dtype="object"))
    return asked.dropna()


def signals_told(asked: pd.DataFrame, values: pd.DataFrame) -> pd.DataFrame:
    """``asked`` with the ``value`` of its feature on each ``day`` on which it was known, from rows of features."""
    days = values.rename(columns={"snapshot_date": "day"})
    long = days.melt(["account_id", "day"], var_name="feature", value_name="value").dropna(subset="value")
    return asked.merge(long, on=["account_id", "feature"])
