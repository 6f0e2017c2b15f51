"""Who is held out is scored and recorded, and is in nothing that people read."""

import json
import shutil
from datetime import date, timedelta
from io import StringIO
from pathlib import Path

import openpyxl
import pandas as pd
import pytest

from data.contract.outputs import TABLES
from data.errors import ExperimentError
from serving.changes.sentences import titles
from serving.published import tables
from serving.published.read import PublishedList, open_list
from serving.ranking.rank import because_of_gates
from serving.render.entries import entries
from serving.render.terminal import print_top
from serving.settings import NO_EXPERIMENT, ExperimentSettings, ServeSettings
from serving.verify.files_and_sums import check_counts, check_crm, check_files, check_sums
from serving.verify.gates_and_changes import about_of, check_change_sentences, said_before
from serving.web.app import Site
from tests.serving.web.conftest import browser
from tests.serving.world import CATALOGUE, DAY, PIECES, PLAYBOOK, HeldList, accounts, publish, snapshot

COUNT = 80
AUTUMN = ExperimentSettings(name="autumn", held_out_share=0.25, start=DAY)


def named(account_id: str) -> str:
    """A name that no other account's begins with."""
    return f"Company {account_id}."


def held_list(day: date = DAY, experiment: ExperimentSettings = AUTUMN, **given: object) -> HeldList:
    people = accounts(COUNT)
    people = people.assign(name=people["account_id"].map(named))
    return snapshot(COUNT, day=day, accounts=people, experiment=experiment, **given)


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two lists, one before the start and the first with accounts held out."""
    folder = tmp_path_factory.mktemp("held") / "out"
    publish(folder, held_list(DAY - timedelta(days=7)), PIECES)
    previous = open_list(folder)
    assert previous.manifest["held_out"] == 0
    assert previous.held_out() == frozenset()
    publish(folder, held_list(previous=previous), PIECES, previous=previous, batches=2)
    return folder


@pytest.fixture
def listing(out: Path) -> PublishedList:
    return open_list(out, DAY)


def test_ranked_and_excluded_and_held_out_are_the_base(listing: PublishedList) -> None:
    manifest, scores = listing.manifest, listing.scores()
    assert manifest["held_out"] == scores["held_out"].sum() == len(listing.held_out()) == 20
    assert manifest["ranked"] + manifest["excluded"] + manifest["held_out"] == len(scores) == COUNT
    held = scores[scores["held_out"]]
    assert held[["rank", "owner_rank", "stake_rank"]].isna().all(axis=None)
    assert not held["listed"].any()
    assert held["propensity"].notna().all()
    assert not held["eligible"].any()
    apart = listing.exclusions().set_index("account_id")
    assert manifest["ranked"] + len(apart) == COUNT
    assert {*apart.index[apart["shown_under"] == ""]} == listing.held_out()
    codes = apart["not_eligible_because"][sorted(listing.held_out())].str.split(";")
    assert {each[-1] for each in codes} == {"held_out"}
    assert {len(each) > 1 for each in codes} == {False, True}, "some of them did not pass a gate either"
    assert not (apart["not_eligible_because"].str.contains("held_out") & (apart["shown_under"] != "")).any()
    assert listing.manifest["experiment"]["name"] == "autumn"


def test_a_list_of_before_held_out_was_an_exclusion_holds(out: Path, tmp_path: Path) -> None:
    shutil.copytree(out, tmp_path / "out")
    listing = open_list(tmp_path / "out", DAY)
    scores, apart = listing.scores(), listing.exclusions()
    codes = because_of_gates(scores["not_eligible_because"], scores["held_out"])
    old = {
        "scores": scores.assign(eligible=codes == "", not_eligible_because=codes),
        "exclusions": apart[apart["shown_under"] != ""],
    }
    for name, rows in old.items():
        tables.write(listing.path(name), tables.to_arrow(rows, TABLES[name]))
    written = listing.manifest["rows_out"] | {"exclusions": len(old["exclusions"])}
    again = open_list(tmp_path / "out", DAY).with_manifest(rows_out=written)
    assert again.scores("eligible")["eligible"].sum() > again.manifest["ranked"]
    assert list(check_counts(again)) == []


def test_what_is_held_out_is_recorded_and_explained(listing: PublishedList) -> None:
    held = sorted(listing.held_out())
    for table in ("scores", "reasons", "attributions", "changes", "account_plays", "assignments"):
        assert {*listing.of(table, held, ["account_id"])["account_id"]} == {*held}, table
    assigned = listing.of_all("assignments").set_index("account_id")
    assert (assigned["held_out"] == listing.scores().set_index("account_id")["held_out"]).all()
    assert not [*check_counts(listing), *check_sums(listing), *check_files(listing), *check_crm(listing)]


def test_a_list_as_people_see_it_has_no_row_of_them(listing: PublishedList) -> None:
    shown, held = listing.shown(), listing.held_out()
    assert shown.shown() is shown
    for name in TABLES:
        assert not held & {*shown.of_all(name)["account_id"]}, name
        assert not held & {account for rows in shown.batches(name) for account in rows["account_id"]}, name
        assert shown.of(name, sorted(held)).empty
        assert not shown.of_account(name, min(held))
        assert list(shown.of_all(name).columns) == list(listing.of_all(name).columns)
    assert len(shown.scores("name")) == COUNT - len(held)
    owner = listing.scores("owner")["owner"].dropna().iloc[0]
    assert not held & {*shown.book(owner).scores("account_id")["account_id"]}


def test_nobody_reads_of_them(listing: PublishedList) -> None:
    """No page, book, workbook and no table that a CRM is written from names one; what people read names the others."""
    held, texts = listing.held_out(), []
    texts += [path.read_text(encoding="utf-8") for path in sorted(listing.folder.rglob("*.html"), reverse=True)]
    for path in listing.folder.rglob("*.xlsx"):
        sheets = openpyxl.load_workbook(path).worksheets
        texts.append("\n".join(str(cell) for sheet in sheets for row in sheet.values for cell in row))
    printed = StringIO()
    print_top(listing.shown(), COUNT, file=printed)
    texts += [printed.getvalue(), str(listing.of_all("crm_writeback").to_dict())]
    everything = "\n".join(texts)
    assert [account for account in held if named(account) in everything or f"'{account}'" in everything] == []
    first = listing.scores().set_index("rank")["account_id"][1]
    assert all(named(first) in text for text in (texts[0], printed.getvalue()))
    said = (
        f"{listing.manifest['ranked']} ranked + {listing.manifest['excluded']} set apart + 20 held out = 80 customers"
    )
    assert said in listing.folder.joinpath("list.html").read_text(encoding="utf-8")
    assert said in " ".join(printed.getvalue().split())


def test_the_web_pages_know_nothing_of_them(out: Path, listing: PublishedList, tmp_path: Path) -> None:
    site = Site(out, tmp_path, ServeSettings(page_rows=500))
    client = browser(site)
    held = sorted(listing.held_out())
    for path in ("/", "/excluded?show=all", "/tasks", "/team", "/export.csv"):
        page = client.get(path)
        assert page.status_code == 200
        assert [account for account in held if named(account) in page.text or account in page.text] == []
    assert "20 held out = 80 customers" in client.get("/team").text
    assert client.get(f"/accounts/{held[0]}").status_code == 404
    shown = listing.shown().scores("account_id")["account_id"].iloc[0]
    assert client.get(f"/accounts/{shown}").status_code == 200


def test_who_was_on_a_short_list_and_is_held_out_went_for_no_reason_that_is_told(listing: PublishedList) -> None:
    counts = listing.manifest["short_lists"]
    before = listing.previous
    assert before is not None
    was = before.on_short_lists()
    assert was is not None
    assert was & listing.held_out()
    told = counts["stayed"] + counts["overtaken"] + counts["set_apart"] + counts["no_customer"]
    assert told == len(was - listing.held_out())


def test_a_day_that_is_scored_again_draws_nobody_again(tmp_path: Path) -> None:
    publish(tmp_path / "out", held_list())
    first = open_list(tmp_path / "out").of_all("assignments")
    other = held_list()
    scores = other.frames["scores"]
    turned = scores.assign(propensity=scores["propensity"].to_numpy()[::-1].copy())
    motions = [name for name in turned if name.startswith("propensity_")]
    turned[motions] = float("nan")
    publish(tmp_path / "out", other.with_tables(scores=turned))
    again = open_list(tmp_path / "out").of_all("assignments")
    assert not open_list(tmp_path / "out").scores("propensity").equals(scores[["propensity"]])
    assert again.equals(first)


def test_an_experiment_that_was_off_for_a_list_goes_on_as_it_was_drawn(
    out: Path, listing: PublishedList, tmp_path: Path
) -> None:
    """The list between was made by other settings: nobody changes arms for that."""
    shutil.copytree(out, tmp_path / "out")
    without, again = DAY + timedelta(days=7), DAY + timedelta(days=14)
    publish(tmp_path / "out", held_list(without, NO_EXPERIMENT, previous=listing), PIECES, previous=listing)
    between = open_list(tmp_path / "out", without)
    assert between.of_all("assignments").empty
    publish(tmp_path / "out", held_list(again, previous=between), PIECES, previous=between)
    kept = open_list(tmp_path / "out", again).of_all("assignments").drop(columns="snapshot_date")
    assert kept.equals(listing.of_all("assignments").drop(columns="snapshot_date"))


def test_a_draw_that_lost_those_that_are_held_out_is_refused_and_it_is_said_how_to_publish(
    out: Path, tmp_path: Path
) -> None:
    shutil.copytree(out, tmp_path / "out")
    previous = open_list(tmp_path / "out")
    drawn = previous.of_all("assignments")
    turned = drawn.assign(held_out=False)
    tables.write(previous.path("assignments"), tables.to_arrow(turned, TABLES["assignments"]))
    day = DAY + timedelta(days=7)
    with pytest.raises(ExperimentError, match="0 of 80 units are held out where 20 are due") as told:
        publish(tmp_path / "out", held_list(day, previous=previous), PIECES, previous=previous)
    assert "let it end on that day" in told.value.todo


def test_whom_the_last_list_does_not_have_it_did_not_hold_out(listing: PublishedList) -> None:
    before, new = listing.scores("account_id", "rank", "held_out").set_index("account_id"), pd.Index(["new"])
    assert said_before(before, "held_out", new).tolist() == [0]
    assert said_before(before, "rank", new).isna().all()
    assert said_before(before, "held_out", before.index).sum() == len(listing.held_out())


def test_after_the_end_everyone_is_listed_and_the_draw_is_kept(
    out: Path, listing: PublishedList, tmp_path: Path
) -> None:
    day = DAY + timedelta(days=7)
    over = AUTUMN.model_copy(update={"end": day})
    publish(tmp_path / "out", held_list(day, over, previous=listing), PIECES, previous=listing)
    after = open_list(tmp_path / "out", day)
    assert after.manifest["held_out"] == 0
    assert not after.scores("held_out")["held_out"].any()
    kept = after.of_all("assignments").drop(columns="snapshot_date")
    assert kept.equals(listing.of_all("assignments").drop(columns="snapshot_date"))
    assert json.loads((after.folder / "manifest.json").read_text())["experiment"]["name"] == "autumn"
    scores = after.scores().set_index("account_id")
    assert {*scores.index[scores["previous_held_out"].astype(bool)]} == listing.held_out()
    back = scores.index[scores["previous_held_out"].astype(bool) & scores["eligible"]].tolist()
    assert {entry.change for entry in entries(after, back)} == {"new"}
    texts = after.of("changes", back, ["text"])["text"]
    assert texts.str.startswith("On the list now: ").all()
    about = about_of(after, listing, titles(CATALOGUE, PLAYBOOK))
    assert [*check_change_sentences(after, listing, about)] == []
