"""``headroom outcomes at-odds``: where likelihood and money, or the model and the CSM, disagree; by month."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from itertools import groupby

import pandas as pd

from flows.run.printed import print_table
from flows.run.settings import Settings
from flows.stages.outcomes import recorded
from serving.outcomes.at_odds import OF_CSM, OF_MONEY, READ, AtOdds, of_list
from serving.outcomes.outcome import RecordedOutcome
from serving.outcomes.states import by_account, standing
from serving.outcomes.vocabulary import STATE_AFTER
from serving.published.layout import published_dates, published_day
from serving.published.read import open_list


@dataclass(frozen=True)
class MonthAtOdds:
    """A month of lists. ``ranked`` and the disagreements about money are of its last list, those with CSMs of all.

    ``dealt_with``: accounts of its lists with which something was done; one row of ``accounts`` is an account and a
    disagreement.
    """

    month: date
    last: date
    ranked: int
    dealt_with: int
    accounts: pd.DataFrame

    def count(self, kind: AtOdds) -> int:
        return int((self.accounts["at_odds"] == kind).sum())


def months_at_odds(settings: Settings) -> list[MonthAtOdds]:
    """Every month with a published list, the earliest first. Raises ``PublishError`` where no list was published."""
    published_day(settings.out_folder, None, "Compare judgements of")
    done = _done(recorded(settings))
    days = groupby(published_dates(settings.out_folder), key=lambda day: day.replace(day=1))
    return [_month(settings, month, list(of_month), done) for month, of_month in days]


def _done(rows: list[RecordedOutcome]) -> dict[date, dict[str, str]]:
    """The last thing that was done with accounts of a list, by its day."""
    done: dict[date, dict[str, str]] = {}
    for account, of_account in by_account(rows):
        for row, _ in standing(of_account):
            if row.snapshot_date is not None and row.action in STATE_AFTER:
                done.setdefault(row.snapshot_date, {})[account] = row.action
    return done


def _month(settings: Settings, month: date, days: list[date], done: dict[date, dict[str, str]]) -> MonthAtOdds:
    found, ranked, dealt_with = [], 0, set[str]()
    for day in days:
        acted, is_last = done.get(day, {}), day == days[-1]
        if not acted and not is_last:
            continue
        scores = open_list(settings.out_folder, day).shown().scores(*READ)
        told, ranked = of_list(scores, acted), int(scores["rank"].notna().sum())
        found.append(told if is_last else told[told["at_odds"].isin(OF_CSM)])
        dealt_with |= acted.keys() & {*scores["account_id"]}
    accounts = pd.concat(found).drop_duplicates(["account_id", "at_odds"], keep="last", ignore_index=True)
    return MonthAtOdds(month, days[-1], ranked, len(dealt_with), accounts)


def print_at_odds(months: list[MonthAtOdds]) -> None:
    """Print a line for each month, and the accounts of the last one."""
    print_table(("month", "ranked", *OF_MONEY, "dealt with", *OF_CSM), map(_counts, months))
    print_table(("account", "name", "owner", f"{months[-1].month:%Y-%m}"), _rows(months[-1].accounts))


def _counts(of: MonthAtOdds) -> list[str]:
    money, csm = ([str(of.count(kind)) for kind in kinds] for kinds in (OF_MONEY, OF_CSM))
    return [f"{of.month:%Y-%m}", f"{of.ranked:,}", *money, f"{of.dealt_with:,}", *csm]


def _rows(accounts: pd.DataFrame) -> Iterator[list[str]]:
    ordered = accounts.sort_values(["at_odds", "account_id"])[["account_id", "name", "owner", "at_odds"]]
    yield from ordered.fillna("").astype("str").to_numpy().tolist()
