"""What a signal was on a past day is the feature of that day's row, bit for bit, for some accounts as for all."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import date
from pathlib import Path

import pandas as pd
import pytest

from data.contract.vocabulary import KEY
from data.kept.settings import StoreSettings
from data.kept.store import ValueStore
from features.build import past_signals
from features.build.build import build
from features.build.kept import kept_rows
from features.build.past_signals import BaseSignals
from tests.drawn import base as drawn_base
from tests.drawn import known
from tests.properties.generated import SNAPSHOTS, frames
from tests.properties.test_laws import CROSSING, RULES, Engine

pytestmark = pytest.mark.filterwarnings("ignore:fetch_arrow_table:DeprecationWarning")
ASKED = ("active_users_28d", "expansions", "seat_utilization_28d", "limit_share_max_28d", "days_since_first_use")
ASKED += ("csat_182d", "features_used_91d", "mrr", "gated_requests_182d", "products_not_owned")


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    with closing(Engine()) as engine:
        yield engine


@pytest.mark.slow
def test_some_accounts_have_what_the_rows_of_all_have(engine: Engine) -> None:
    made = frames(5, accounts=24)
    last = max(SNAPSHOTS)
    signals = BaseSignals(known(engine.tables(made), last), RULES)
    assert not signals.names & CROSSING
    accounts = sorted(made["accounts"]["account_id"].dropna().unique())[::3]
    names = [name for name in ASKED if name in signals.names]
    assert len(names) == len(ASKED)
    found = pd.concat(signals.of(accounts, names)).sort_values([*KEY], ignore_index=True)
    assert len(set(found["snapshot_date"])) > 3
    (shard,) = build(signals.base, signals.days, RULES)
    rows = shard.rows.to_pandas()
    rows = rows.loc[rows["account_id"].isin(accounts), [*KEY, *names]].sort_values([*KEY], ignore_index=True)
    pd.testing.assert_frame_equal(found[[*KEY, *names]], rows, check_exact=True)


@pytest.mark.slow
def test_what_was_kept_and_what_is_handed_over_is_what_would_be_made(
    engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = frames(5, accounts=24)
    base = replace(known(engine.tables(made), max(SNAPSHOTS)), state="known")
    store = ValueStore(tmp_path, StoreSettings(), pytest.fail)
    anew = BaseSignals(base, RULES)
    accounts = sorted(made["accounts"]["account_id"].dropna().unique())[::3]
    for _ in kept_rows(base, anew.days[1:-2], RULES, store, lambda days: (s.rows for s in build(base, days, RULES))):
        pass
    warm = BaseSignals(base, RULES, store)
    assert warm.to_make == [anew.days[0], anew.days[-2]], "those that were not kept"
    for shard in build(base, [*warm.to_make, base.snapshot_date], RULES, for_list=True):
        today = warm.take(shard.rows)
        assert set(today["snapshot_date"].to_pylist()) == {base.snapshot_date}
    warm.keep()
    expected = pd.concat(anew.of(accounts, ASKED)).sort_values([*KEY], ignore_index=True)
    monkeypatch.setattr(past_signals, "some_features", lambda *_: pytest.fail("nothing is left to make"))
    found = pd.concat(warm.of(accounts, ASKED)).sort_values([*KEY], ignore_index=True)
    pd.testing.assert_frame_equal(found[expected.columns], expected, check_exact=True)
    assert BaseSignals(base, RULES, store).to_make == [], "the next list finds them"
    cold = BaseSignals(base, RULES, ValueStore(tmp_path / "new", StoreSettings(), pytest.fail))
    assert cold.to_make == anew.days[-3:-1], "the newest two"
    assert BaseSignals(replace(base, state=None), RULES, store).to_make == [], "nobody would know them again"


def test_the_days_are_the_month_starts_of_a_year_and_the_day_itself() -> None:
    def days(of: date, first_use: date = date(2020, 1, 1)) -> list[date]:
        return BaseSignals(known(a_base(first_use), of), RULES).days

    year = [*(date(2025, month, 1) for month in (10, 11, 12)), *(date(2026, month, 1) for month in range(1, 10))]
    assert days(date(2026, 10, 1)) == [*year, date(2026, 10, 1)]
    assert days(date(2026, 10, 2)) == [*year[1:], date(2026, 10, 1), date(2026, 10, 2)]
    assert days(date(2028, 3, 1))[:2] == [date(2027, 3, 1), date(2027, 4, 1)]  # a year with a 29th of February
    assert days(date(2026, 10, 1), first_use=date(2026, 3, 2)) == [
        *year[8:],
        date(2026, 10, 1),
    ]  # 91 days: the 1st of June


def a_base(first_use: date) -> dict[str, object]:
    return drawn_base(
        subscriptions="""
            account_id | product | plan | mrr | seats | valid_from
            acme       | core    | team | 100 | 10    | 2019-07-01
        """,
        usage_events=f"""
            account_id | occurred_at | feature
            acme       | {first_use} | reports
        """,
    )
