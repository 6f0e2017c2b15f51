"""What the reasons of the accounts on short lists rest on is published over the year, and compared with the source."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from data.contract.outputs import REASONS, SIGNALS
from serving.published.read import PublishedList, open_list
from serving.published.signal_table import signals_asked
from serving.settings import ServingSettings
from serving.verify.signals import check_signals
from tests.serving.world import CATALOGUE, DAY, DrawnPast, feature_rows, publish, snapshot, with_context

FEW = ServingSettings(top=2)
PAST = DrawnPast(feature_rows(40))


@pytest.fixture(scope="module")
def listing(tmp_path_factory: pytest.TempPathFactory) -> PublishedList:
    """Not changed by any test."""
    folder = tmp_path_factory.mktemp("signals")
    publish(folder, with_context(snapshot(40, settings=FEW)), past=PAST)
    return open_list(folder)


def rows_of(listing: PublishedList) -> pd.DataFrame:
    return listing.of(SIGNALS.name, listing.scores("account_id")["account_id"])


def test_each_shown_reason_of_a_listed_account_has_its_own_number_on_every_day(listing: PublishedList) -> None:
    reasons = listing.of(REASONS.name, listing.on_short_lists())
    shown = reasons[reasons["shown"].astype(bool) & (reasons["effect"] != "contradicts")]
    rows = rows_of(listing)
    assert set(zip(rows["account_id"], rows["reason_code"], strict=True)) <= set(
        zip(shown["account_id"], shown["reason_code"], strict=True)
    )
    known = PAST.rows.set_index("account_id")
    for row in rows.itertuples():
        assert row.value == (1.0 if row.day == PAST.days[0] else known.at[row.account_id, row.feature])
    stated = rows[rows["day"] == DAY].merge(shown, on=["account_id", "reason_code"], suffixes=("", "_stated"))
    assert (stated["value"] == stated["value_stated"])[stated["feature"] == stated["feature_stated"]].all()
    assert (stated["feature"] == stated["feature_stated"]).mean() > 0.9
    said = {name: {"label": CATALOGUE[name].label, "unit": CATALOGUE[name].unit} for name in rows["feature"]}
    assert said
    assert listing.manifest["signals"] == said


def test_a_number_that_compares_accounts_gives_way_to_one_of_the_account_itself(listing: PublishedList) -> None:
    own = PAST.names - {"active_users_28d", "seats"}
    asked, fewer = signals_asked(listing, PAST.names), signals_asked(listing, own)
    in_use = asked[asked["reason_code"] == "seats_in_use"]
    assert set(in_use["feature"]) == {"active_users_28d"}
    instead = fewer[fewer["reason_code"] == "seats_in_use"]
    assert len(instead) == len(in_use)
    assert set(instead["feature"]) <= {"seat_utilization_28d", "active_users_growth_28d"}
    assert signals_asked(listing, ()).empty


def test_where_nobody_knows_the_past_the_table_is_empty(tmp_path: Path) -> None:
    publish(tmp_path, snapshot(20))
    assert rows_of(open_list(tmp_path)).empty
    assert open_list(tmp_path).manifest["signals"] == {}


def test_a_value_that_is_not_that_of_the_source_is_told(listing: PublishedList) -> None:
    assert list(check_signals(listing, PAST)) == []
    row = rows_of(listing).iloc[0]
    other = PAST.rows.assign(
        **{row.feature: np.where(PAST.rows["account_id"] == row.account_id, 77.0, PAST.rows[row.feature])}
    )
    told = [str(difference) for difference in check_signals(listing, DrawnPast(other))]
    assert f"{row.account_id}, signals, {row.reason_code} on {DAY}: published " in told[-1]
    assert told[-1].endswith(f", derived {row.feature}=77.0")


def test_an_older_list_has_none_to_check(tmp_path: Path) -> None:
    publish(tmp_path, snapshot(20))
    older = open_list(tmp_path)
    older.path(SIGNALS.name).unlink()
    assert list(check_signals(older, PAST)) == []
