"""The facts of accounts are published as they were given, in order, and not where something is wrong with them."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pandas as pd
import pytest

from data.contract.outputs import ACCOUNT_FACTS
from data.errors import PublishError
from serving.published.read import open_list
from serving.verify.account_facts import check_facts
from tests.serving.world import DAY, facts, publish, snapshot

ACCOUNTS = [f"acc-{number:04d}" for number in range(40)]


@pytest.mark.parametrize("batches", [1, 3])
def test_they_are_published_in_the_order_of_the_table(tmp_path: Path, batches: int) -> None:
    given = facts(ACCOUNTS)
    publish(tmp_path, snapshot(40, facts=given.sample(frac=1, random_state=1)), batches=batches)
    listing = open_list(tmp_path)
    order = list(ACCOUNT_FACTS.order)
    there = listing.of(ACCOUNT_FACTS.name, ACCOUNTS, order)
    pd.testing.assert_frame_equal(there, given[order].sort_values(order, ignore_index=True))
    assert list(check_facts(listing, ACCOUNTS, given)) == []
    assert listing.manifest["rows_out"][ACCOUNT_FACTS.name] == len(given)


def test_a_base_without_facts_has_an_empty_table(tmp_path: Path) -> None:
    publish(tmp_path, snapshot(20))
    listing = open_list(tmp_path)
    assert len(listing.of(ACCOUNT_FACTS.name, ACCOUNTS)) == 0
    facts([]).astype({"account_id": "str"}).to_parquet(tmp_path / "built.parquet")
    assert list(check_facts(listing, ACCOUNTS, pd.read_parquet(tmp_path / "built.parquet"))) == []
    missing = list(check_facts(listing, ACCOUNTS, facts(ACCOUNTS)))
    assert {(found.published, found.derived) for found in missing} == {("it is not", "it is there")}


def test_a_list_from_before_there_were_facts_has_none(tmp_path: Path) -> None:
    publish(tmp_path, snapshot(20, facts=facts(ACCOUNTS[:20])))
    listing = open_list(tmp_path)
    listing.path(ACCOUNT_FACTS.name).unlink()
    assert listing.of_account(ACCOUNT_FACTS.name, "acc-0002") == []
    assert list(check_facts(listing, ACCOUNTS, facts(ACCOUNTS))) == []


def _set(column: str, value: object) -> Callable[[pd.DataFrame], pd.DataFrame]:
    return lambda rows: rows.assign(**{column: [value, *rows[column][1:]]})


@pytest.mark.parametrize(
    ("spoil", "found"),
    [
        (_set("account_id", "stranger"), "it has facts and no score"),
        (_set("position", 7), "its facts are not numbered one by one, or there are too many"),
        (_set("of_kind", 1), "it has more or fewer facts than are said to be there"),
        (_set("began_on", DAY), "began_on is not before the day of the list"),
        (_set("notice_on", DAY + timedelta(days=1)), "notice_on is not before the day of the list"),
        (_set("kind", "rumour"), "kind of the account_facts is `rumour`"),
        (_set("began_on", None), "began_on of the account_facts is null"),
        (lambda rows: pd.concat([rows, rows[:1]]), "two rows of the account_facts have one"),
    ],
)
def test_what_is_wrong_with_them_stops_the_list(
    tmp_path: Path, spoil: Callable[[pd.DataFrame], pd.DataFrame], found: str
) -> None:
    given = facts(ACCOUNTS[:3]).query("account_id == 'acc-0002'")
    with pytest.raises(PublishError, match=found):
        publish(tmp_path, snapshot(20, facts=spoil(given)))
    assert not list(tmp_path.glob("snapshot_date=*"))


def test_verify_names_what_differs(tmp_path: Path) -> None:
    given = facts(ACCOUNTS[:20])
    publish(tmp_path, snapshot(20, facts=given))
    listing = open_list(tmp_path)
    other = given.copy()
    line = other.index[(other["account_id"] == "acc-0002") & (other["kind"] == "line")][0]
    other.loc[line, "seats"] = 41.0
    other = other.drop(other.index[(other["account_id"] == "acc-0005") & (other["position"] == 2)])
    told = [str(difference) for difference in check_facts(listing, ACCOUNTS[:20], other)]
    assert told[0] == "acc-0002, account_facts, line 1, seats: published 40, derived 41.0"
    assert told[1:] == [
        f"acc-0005, account_facts, {kind} 2: published it is there, derived it is not"
        for kind in ("champion", "line", "role", "team", "ticket")
    ]
