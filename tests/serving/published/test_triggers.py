"""The published triggers: since when they fire over three lists, and what a stranger finds who tells them again."""

from collections.abc import Mapping
from datetime import date
from pathlib import Path

import pandas as pd
import pytest

from data.contract.outputs import TRIGGERS
from serving.published.read import PublishedList, open_list
from serving.verify.triggers import check_since, check_triggers
from tests.serving.world import DAY, HeldList, details, feature_rows, publish, snapshot

COUNT = 12
DAYS = (date(2026, 8, 1), date(2026, 9, 1), DAY)
FULL = {
    "acc-0000": (0.9, 0.9, 0.9),  # on all three lists
    "acc-0001": (0.9, 0.5, 0.9),  # with a break
    "acc-0002": (0.5, 0.9, 0.9),
    "acc-0003": (0.5, 0.5, 0.9),
    "acc-0004": (0.9, 0.9, 0.5),
}
"""Seats in use of some accounts on each day; the others have none."""


def rows_on(number: int) -> pd.DataFrame:
    rows = feature_rows(COUNT)
    used = {account: shares[number] for account, shares in FULL.items()}
    return rows.assign(snapshot_date=DAYS[number], seat_utilization_28d=rows["account_id"].map(used).fillna(0.0))


@pytest.fixture(scope="module")
def lists(tmp_path_factory: pytest.TempPathFactory) -> list[PublishedList]:
    """Three lists, one after the other; the last one in two batches."""
    out, made = tmp_path_factory.mktemp("three"), []
    for number, day in enumerate(DAYS):
        previous = made[-1] if made else None
        held = snapshot(COUNT, day=day, rows=rows_on(number), details=details(rows_on(number)), previous=previous)
        publish(out, held, batches=2 if number == 2 else 1, previous=previous)
        made.append(open_list(out, day))
    return made


def full(listing: PublishedList) -> Mapping[str, tuple[date, bool]]:
    """Since when an account's seats are full, and whether that is new."""
    rows = pd.read_parquet(listing.path("triggers"))
    rows = rows[rows["trigger_code"] == "seat_utilization"]
    return {row.account_id: (row.since, row.is_new) for row in rows.itertuples()}


def test_since_is_the_first_of_the_lists_on_which_it_fires_one_after_the_other(lists: list[PublishedList]) -> None:
    first, second, third = lists
    assert full(first) == dict.fromkeys(("acc-0000", "acc-0001", "acc-0004"), (DAYS[0], True))
    assert full(second) == {
        "acc-0000": (DAYS[0], False),
        "acc-0002": (DAYS[1], True),
        "acc-0004": (DAYS[0], False),
    }
    assert full(third) == {
        "acc-0000": (DAYS[0], False),
        "acc-0001": (DAYS[2], True),
        "acc-0002": (DAYS[1], False),
        "acc-0003": (DAYS[2], True),
    }


def test_the_table_is_as_declared_and_accounts_that_are_set_apart_have_their_triggers(
    lists: list[PublishedList],
) -> None:
    rows = pd.read_parquet(lists[2].path("triggers"))
    assert list(rows) == list(TRIGGERS.names)
    assert not rows.duplicated(["account_id", "trigger_code"]).any()
    assert rows.equals(rows.sort_values(["account_id", "trigger_code"], ignore_index=True))
    assert lists[2].manifest["rows_out"]["triggers"] == len(rows)
    assert "triggers.parquet" in lists[2].manifest["files_sha256"]
    assert set(rows["account_id"]) & set(lists[2].exclusions("account_id")["account_id"])


def test_a_list_before_without_the_table_begins_anew(lists: list[PublishedList], tmp_path: Path) -> None:
    held = snapshot(COUNT, day=DAYS[1], rows=rows_on(1))
    old = publish(tmp_path, held)
    (old / "triggers.parquet").unlink()
    previous = open_list(tmp_path, DAYS[1])
    publish(tmp_path, snapshot(COUNT, day=DAY, rows=rows_on(2), previous=previous), previous=previous)
    found = open_list(tmp_path, DAY)
    assert set(full(found).values()) == {(DAY, True)}
    assert list(check_since(found, previous)) == []
    assert list(check_since(previous, None)) == []


def test_a_base_of_which_nothing_is_known_has_an_empty_table(tmp_path: Path) -> None:
    rows = feature_rows(3)
    numbers = rows.columns.drop(["account_id", "snapshot_date"])
    made = publish(tmp_path, snapshot(3, rows=rows.assign(**dict.fromkeys(numbers, float("nan")))))
    assert list(pd.read_parquet(made / "triggers.parquet")) == list(TRIGGERS.names)
    assert open_list(tmp_path).of("triggers", ["acc-0000"]).empty


def told_again(listing: PublishedList, **edited: pd.DataFrame) -> list[str]:
    held = snapshot(COUNT, day=DAY, rows=rows_on(2), details=details(rows_on(2)))
    shown = HeldList(listing.folder, DAY, listing.manifest, frames={**held.frames, **edited})
    named = details(rows_on(2)).assign(cross_sell_product="<b>Chat</b>")
    return [str(difference) for difference in check_triggers(shown, rows_on(2), named, held.context)]


def test_a_stranger_finds_what_was_changed(lists: list[PublishedList]) -> None:
    rows = pd.read_parquet(lists[2].path("triggers"))
    assert told_again(lists[2], triggers=rows) == []
    at = rows.index[rows["trigger_code"] == "seat_utilization"]
    text = rows["text"].where(rows.index != at[0], "99% of the seats in use this month.")
    motion = rows["motion"].where(rows.index != at[1], "upsell")
    changed = rows.assign(text=text, motion=motion).drop(index=at[2])
    assert told_again(lists[2], triggers=changed) == [
        "acc-0000, trigger seat_utilization: published '99% of the seats in use this month.', "
        "derived '90% of the seats in use this month.'",
        "acc-0001, trigger seat_utilization (motion): published 'upsell', derived 'seat'",
        "acc-0002, trigger seat_utilization: published does not fire, derived fires",
    ]


def test_a_day_that_was_changed_is_found_against_the_list_before(lists: list[PublishedList]) -> None:
    _, second, third = lists
    assert list(check_since(third, second)) == []
    rows = pd.read_parquet(third.path("triggers"))
    since = rows["since"].where(rows.index != 0, date(2026, 1, 1))
    changed = rows.assign(since=since, is_new=rows["is_new"] ^ (rows.index == 1), account_id=rows["account_id"])
    held = snapshot(COUNT, day=DAY, rows=rows_on(2)).with_tables(triggers=changed)
    found = [(difference.account_id, difference.where) for difference in check_since(held, second)]
    codes = rows["trigger_code"]
    assert found == [("acc-0000", f"trigger {codes[0]} (since)"), ("acc-0000", f"trigger {codes[1]} (is_new)")]
