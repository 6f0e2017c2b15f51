"""The table that a CRM is written from: what it shows follows from the list, and what it showed from the one before."""

from dataclasses import replace
from datetime import date
from pathlib import Path

import pandas as pd
import pytest

from data.contract.outputs import CRM_WRITEBACK
from serving.crm.settings import SHOWN
from serving.crm.table import write_crm_table
from serving.published.read import PublishedList, open_list
from serving.render.likelihood import Band, bands
from serving.verify.files_and_sums import check_crm
from tests.serving.world import publish, snapshot

NEXT = date(2026, 11, 1)


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("lists")
    publish(folder, snapshot(60))
    return folder


def of(listing: PublishedList) -> pd.DataFrame:
    rows = listing.of(CRM_WRITEBACK.name, listing.scores("account_id")["account_id"])
    return rows.set_index("account_id")


def test_what_a_crm_shows_of_a_ranked_account_follows_from_the_list(out: Path) -> None:
    listing = open_list(out)
    scores, rows, plays = listing.scores().set_index("account_id"), of(listing), listing.manifest["plays"]
    ranked = scores[scores["eligible"]]
    assert list(rows.index) == sorted(scores.index)
    shown = listing.of("reasons", ranked.index)
    for account, score in ranked.iterrows():
        row = rows.loc[account]
        assert abs(row["likelihood"] - score["propensity"]) <= 0.0005
        assert row["band"] == list(Band)[bands(score[["propensity"]].to_numpy(float))[0]]
        assert (row["rank"], row["act_by"], row["play"]) == (
            score["rank"],
            score["act_by"],
            plays[score["play"]]["name"],
        )
        told = shown[(shown["account_id"] == account) & shown["shown"].astype(bool)].sort_values("position")["text"]
        assert ("" if pd.isna(row["reasons"]) else row["reasons"]) == " ".join(told[:3])


def test_an_account_that_is_not_eligible_shows_its_gates_and_nothing_that_leads_to_a_sale(out: Path) -> None:
    listing = open_list(out)
    gates = listing.exclusions().set_index("account_id")["text"]
    apart = of(listing).loc[gates.index]
    assert len(apart) > 5
    assert apart["reasons"].equals(gates)
    assert apart[[name for name in SHOWN if name != "reasons"]].isna().all(axis=None)


def test_what_is_not_known_of_an_account_comes_before_its_reasons_or_gates(tmp_path: Path, out: Path) -> None:
    silent, made = "Not known and not judged: use since 3 Mar 2026.", snapshot(60)
    publish(tmp_path, made.with_tables(scores=made.scores().assign(not_judged=silent)))
    before, told = of(open_list(out))["reasons"], of(open_list(tmp_path))["reasons"]
    assert told.tolist() == [silent if pd.isna(text) else f"{silent} {text}" for text in before]
    assert list(check_crm(open_list(tmp_path))) == []


def test_the_hash_is_of_what_is_shown_and_not_of_the_run(tmp_path: Path, out: Path) -> None:
    made = snapshot(60)
    other_run = made.with_tables(scores=made.scores().assign(run_id="run-2"))
    publish(tmp_path, replace(other_run, context=replace(made.context, run_id="run-2")))
    before, after = of(open_list(out)), of(open_list(tmp_path))
    assert set(after["run_id"]) == {"run-2"}
    assert after["values_hash"].equals(before["values_hash"])
    assert before["values_hash"].nunique() > len(before) / 2


def test_previous_values_are_those_of_the_last_list_and_null_where_it_has_none(tmp_path: Path) -> None:
    publish(tmp_path, snapshot(40))
    first = open_list(tmp_path)
    publish(tmp_path, snapshot(60, seed=2, day=NEXT))
    write_crm_table(open_list(tmp_path, NEXT), first)
    rows, before = of(open_list(tmp_path, NEXT)), of(first)
    assert rows.loc[before.index, "previous_values_hash"].equals(before["values_hash"].rename("previous_values_hash"))
    pd.testing.assert_series_equal(
        rows.loc[before.index, "previous_likelihood"], before["likelihood"], check_names=False
    )
    new = rows.drop(before.index)
    assert len(new) == 20
    assert new[["previous_likelihood", "previous_band", "previous_values_hash"]].isna().all(axis=None)
    assert before["previous_values_hash"].isna().all()


def test_a_row_that_does_not_follow_is_told_by_account_and_column(tmp_path: Path) -> None:
    publish(tmp_path, snapshot(40))
    listing = open_list(tmp_path)
    assert list(check_crm(listing)) == []
    path = listing.path(CRM_WRITEBACK.name)
    rows = pd.read_parquet(path, partitioning=None)
    place = rows.index[rows["likelihood"].notna()][0]
    rows.loc[place, "likelihood"] = 0.999
    account = rows.loc[place, "account_id"]
    rows.to_parquet(path)
    found = list(check_crm(listing))
    assert [(one.account_id, one.where, one.published) for one in found] == [
        (account, "likelihood of crm_writeback", "0.999")
    ]
