"""How long it takes until an account first expands, where it may leave before: cumulative incidence and Kaplan-Meier.

Days are counted from an account's first movement. It expanded when a motion first happened, it left when it first paid
nothing, and of the others nobody knows yet (censored on the day that the figures stand on).

*Cumulative incidence* is the share that expanded by a day, of all that came: who left cannot expand any more
(Aalen and Johansen 1978; in the form of Kalbfleisch and Prentice, The Statistical Analysis of Failure Time Data, 2nd
edition 2002, section 8.2): the sum over the days t of S(t-) d(t) / n(t), with n(t) at risk, d(t) expanding, and S the
share that neither expanded nor left. *Kaplan-Meier* asks what it would be if nobody left: who left is censored.
"""

import warnings
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.stats import CensoredData, ecdf, logrank

from data.contract.vocabulary import MOTIONS
from data.figures.accounts.moves import AccountMoves
from data.figures.accounts.slices import Slices

CENSORED, EXPANDED, LEFT = 0, 1, 2
HALF, YEAR_DAYS = 0.5, 365
FEWEST_EXPANSIONS = 5
"""Of a slice, and of all others, below which nothing is tested: the logrank test holds for many."""
ROUNDING = 1e-9
"""Half of the accounts is half, whatever a sum of shares loses."""


@dataclass(frozen=True)
class Lives:
    """One entry per account: ``days`` until ``end``, one of ``CENSORED``, ``EXPANDED`` and ``LEFT``."""

    days: np.ndarray
    end: np.ndarray

    def of(self, members: np.ndarray) -> "Lives":
        """Those of some accounts."""
        return Lives(self.days[members], self.end[members])

    def is_known_for(self, days: int) -> bool:
        """Somebody is known for so long, or all have come to an end before and nothing is left to know."""
        last = self.days == self.days.max()
        return bool((self.days >= days).any() or (self.end[last] != CENSORED).all())

    @property
    def until_expansion(self) -> CensoredData:
        """The times as SciPy reads them: until the expansion, or censored."""
        is_event = self.end == EXPANDED
        return CensoredData(uncensored=self.days[is_event], right=self.days[~is_event])


def lives_of(moves: AccountMoves) -> Lives:
    """Until the first expansion of each account, or until it left."""
    rows = moves.rows
    came = moves.accounts["acquired_on"].to_numpy("datetime64[D]")
    day = rows["day"].to_numpy("datetime64[D]")
    days = (day - came[rows["account"].to_numpy()]).astype("int64")
    paid = rows.groupby("account").delta_mrr_e4.cumsum().to_numpy()
    is_last = ~rows.duplicated(["account", "day"], keep="last").to_numpy()
    censored = (np.datetime64(moves.day, "D") - came).astype("int64")
    expanded = _first(rows["account"], days, rows["movement"].isin(MOTIONS).to_numpy(), len(came))
    left = _first(rows["account"], days, is_last & (paid <= 0), len(came))
    end = np.select([(expanded <= left) & (expanded <= censored), left <= censored], [EXPANDED, LEFT], CENSORED)
    return Lives(np.choose(end, [censored, expanded, left]), end)


def _first(account: pd.Series, days: np.ndarray, which: np.ndarray, count: int) -> np.ndarray:
    """The least of each account's ``days`` among ``which``; more than any where there is none."""
    firsts = np.full(count, np.iinfo("int64").max)
    np.minimum.at(firsts, account.to_numpy()[which], days[which])
    return firsts


def incidence(lives: Lives) -> pd.DataFrame:
    """One row per day on which somebody expanded or left: ``day, at_risk, expanded, left``, and the cumulative
    incidence of either, ``expanded_share`` and ``left_share``.
    """
    day = np.unique(lives.days[lives.end != CENSORED])
    at_risk = len(lives.days) - np.searchsorted(np.sort(lives.days), day, side="left")
    counts = {
        name: np.bincount(np.searchsorted(day, lives.days[lives.end == end]), minlength=len(day))
        for name, end in (("expanded", EXPANDED), ("left", LEFT))
    }
    neither = np.cumprod(1 - (counts["expanded"] + counts["left"]) / at_risk)
    before = np.concatenate([[1.0], neither[:-1]]) if len(day) else neither
    shares = {f"{name}_share": np.cumsum(before * count / at_risk) for name, count in counts.items()}
    return pd.DataFrame({"day": day, "at_risk": at_risk, **counts, **shares})


def kaplan_meier(lives: Lives, days: np.ndarray) -> pd.DataFrame:
    """The share that expanded by each of the days if nobody left, and its interval of 95%: ``km, km_low, km_high``.

    All are null where nobody expanded.
    """
    names = ("km", "km_low", "km_high")
    if not (lives.end == EXPANDED).any():
        return pd.DataFrame({name: np.full(len(days), np.nan) for name in names})
    curve = ecdf(lives.until_expansion).cdf
    with warnings.catch_warnings(), np.errstate(divide="ignore", invalid="ignore"):
        # Where all at risk expanded the formula gives no interval: it is null there.
        warnings.filterwarnings("ignore", "The confidence interval is undefined", RuntimeWarning)
        interval = curve.confidence_interval()
    return pd.DataFrame(
        {name: part.evaluate(days) for name, part in zip(names, (curve, interval.low, interval.high), strict=True)}
    )


def time_to_expansion(lives: Lives, slices: Slices) -> pd.DataFrame:
    """One row per slice and day on which somebody expanded or left, as ``time_to_expansion`` is declared."""
    tables = []
    for (dimension, name), members in _groups(slices):
        table = incidence(lives.of(members))
        table.insert(0, "dimension", dimension)
        table.insert(1, "slice", pd.Series([name] * len(table), dtype="str"))
        tables.append(pd.concat([table, kaplan_meier(lives.of(members), table["day"].to_numpy())], axis=1))
    return pd.concat(tables, ignore_index=True)


def speed(lives: Lives, slices: Slices) -> pd.DataFrame:
    """One row per slice, as the table ``expansion_speed`` is declared."""
    rows = []
    for (dimension, name), members in _groups(slices):
        mine, others = lives.of(members), lives.of(~members)
        curve = incidence(mine)
        by_year = curve["expanded_share"][curve["day"] <= YEAR_DAYS].max()
        half = curve["day"][curve["expanded_share"] >= HALF - ROUNDING]
        rows.append(
            {
                "dimension": dimension,
                "slice": name,
                "accounts": len(mine.days),
                "expanded": int((mine.end == EXPANDED).sum()),
                "left": int((mine.end == LEFT).sum()),
                "expanded_in_a_year": np.nan_to_num(by_year) if mine.is_known_for(YEAR_DAYS) else None,
                "median_days": None if half.empty else int(half.iloc[0]),
                "logrank_p": _difference(mine, others),
            }
        )
    kinds = {"slice": "str", "median_days": "Int64", "logrank_p": "float64", "expanded_in_a_year": "float64"}
    return pd.DataFrame(rows).astype(kinds)


def _difference(mine: Lives, others: Lives) -> float | None:
    """The p-value of the logrank test of one slice against all others; None where one side has few expansions."""
    if min((side.end == EXPANDED).sum() for side in (mine, others)) < FEWEST_EXPANSIONS:
        return None
    return float(logrank(mine.until_expansion, others.until_expansion).pvalue)


def _groups(slices: Slices) -> Iterator[tuple[tuple[str, str], np.ndarray]]:
    """Each slice's dimension and name, and which accounts are in it."""
    for place, (dimension, name) in enumerate(slices.names.itertuples(index=False)):
        yield (dimension, name), slices.members[[place]].toarray()[0] > 0
