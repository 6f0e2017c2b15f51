"""``headroom verify`` on a published list: as it was published, edited by hand, and against another source."""

import hashlib
import json
import shutil
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pandas as pd
import pytest

from data.contract.stories import STORIES
from flows.run.settings import load
from flows.stages.base import read_source
from flows.stages.dates import known_base
from flows.stages.inputs import likeness
from flows.verify import verify
from tests.flows.conftest import END, Headroom

NAME = f"snapshot_date={END}"


@pytest.fixture
def copied(published: Path, tmp_path: Path) -> Path:
    """A copy of the published list, to edit."""
    shutil.copytree(published, tmp_path / "out" / NAME)
    return tmp_path / "out" / NAME


def edit(folder: Path, table: str, change: Callable[[pd.DataFrame], pd.DataFrame], forge: bool = True) -> pd.DataFrame:
    """Edit a table; whoever forges it also writes its new hash into the manifest."""
    file = folder / f"{table}.parquet"
    frame = change(pd.read_parquet(file))
    frame.to_parquet(file, index=False)
    if forge:
        manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
        manifest["files_sha256"][file.name] = hashlib.sha256(file.read_bytes()).hexdigest()
        (folder / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    return frame


def of(frame: pd.DataFrame, code: str) -> int:
    """The row of the first reason of this code."""
    return int(frame.index[frame["reason_code"] == code][0])


def of_first_line(frame: pd.DataFrame) -> int:
    """The row of the first contract line."""
    return int(frame.index[frame["kind"] == "line"][0])


def of_one_number(frame: pd.DataFrame) -> int:
    """The row of the first reason that rests on one feature, which is no text, and is not of the seats in use."""
    one = ~frame["numbers_from"].str.contains(",") & frame["value"].notna() & (frame["reason_code"] != "seats_in_use")
    return int(frame.index[one][0])


def set_value(frame: pd.DataFrame, place: int, column: str, value: object) -> pd.DataFrame:
    values = list(frame[column])
    values[place] = value
    return frame.assign(**{column: pd.Series(values, index=frame.index)})


def test_a_list_as_it_was_published_holds(published: Path, warehouse: Path, headroom: Headroom) -> None:
    ran = headroom("verify", "--reasons", "--source", warehouse, "--out", published.parent)
    assert ran.code == 0, ran.out
    sentences = len(pd.read_parquet(published / "reasons.parquet"))
    accounts = len(pd.read_parquet(published / "scores.parquet"))
    assert ran.out == f"{sentences:,} sentences of {accounts:,} accounts: every number derived\n"
    assert headroom("verify", "--out", published.parent).out == f"{accounts:,} accounts: files, counts and sums hold\n"


def test_a_file_that_was_changed_is_named(copied: Path, headroom: Headroom) -> None:
    edit(copied, "scores", lambda frame: frame.iloc[1:], forge=False)
    (copied / "list.html").unlink()
    (copied / "notes.txt").write_text("Call Ana.")
    ran = headroom("verify", "--out", copied.parent)
    assert ran.code == 1
    for said in ("file scores.parquet", "file list.html", "file notes.txt", "rows of scores: published"):
        assert said in ran.out
    assert "differences: this list is not what its tables and its model say" in ran.out


def test_sums_that_do_not_hold_are_named(copied: Path, headroom: Headroom) -> None:
    scores = edit(copied, "scores", lambda frame: set_value(frame, 5, "log_odds", frame["log_odds"][5] + 0.1))
    edit(copied, "scores", lambda frame: set_value(frame, 7, "propensity_low", 0.999))
    reasons = edit(copied, "reasons", lambda frame: set_value(frame, 0, "shap_log_odds", 9.0))
    ran = headroom("verify", "--out", copied.parent)
    assert ran.code == 1
    assert (
        f"{scores['propensity'][7]:.9g} in 0.999 to {scores['propensity_high'][7]:.9g}, derived in its range" in ran.out
    )
    assert f"different: {scores['account_id'][5]}, log_odds: published" in ran.out
    assert f"different: {reasons['account_id'][0]}, {reasons['reason_code'][0]} (shap_log_odds): published 9" in ran.out


@pytest.mark.slow
def test_what_was_edited_is_named_with_what_is_derived(copied: Path, warehouse: Path, headroom: Headroom) -> None:
    """A number with the sentence that goes with it (only the source knows better), a sentence, why an account is set
    apart, and an account that passes all gates and was set apart; a trigger, since when it fires, a play's step, and
    what a contract line costs."""

    def edited(frame: pd.DataFrame) -> pd.DataFrame:
        frame = set_value(frame, of(frame, "seats_in_use"), "text", "All of its seats were used.")
        place = of_one_number(frame)
        frame = set_value(frame, place, "text", "A customer for 12 years.")
        return set_value(set_value(frame, place, "value", 4321.0), place, "numbers", [4321.0])

    reasons = edit(copied, "reasons", edited)
    words = "It has 99 open critical tickets."
    excluded = edit(copied, "exclusions", lambda frame: set_value(frame, 0, "text", words))["account_id"][0]
    scores = pd.read_parquet(copied / "scores.parquet")
    apart = scores.index[(scores["not_eligible_because"] != "") & (scores["account_id"] != excluded)][0]
    edit(copied, "scores", lambda scores: set_value(scores, apart, "not_eligible_because", "other_gate"))
    fired = edit(copied, "triggers", lambda frame: set_value(frame, 0, "text", "Use grew by 999%."))
    edit(copied, "triggers", lambda frame: set_value(frame, 1, "since", date(2020, 1, 1)))
    meant = edit(copied, "account_plays", lambda frame: set_value(frame, 0, "step", "Free > Gold"))["account_id"][0]
    facts = edit(copied, "account_facts", lambda frame: set_value(frame, of_first_line(frame), "mrr", 1e6))
    sold = facts["account_id"][of_first_line(facts)]

    ran = headroom("verify", "--reasons", "--source", warehouse, "--out", copied.parent)
    assert ran.code == 1
    different = [line for line in ran.out.splitlines() if line.startswith("different: ")]
    in_crm = [line for line in different if " of crm_writeback: " in line]
    assert len(different) - len(in_crm) == 8
    assert any(line.startswith(f"different: {excluded}, reasons of crm_writeback: published ") for line in in_crm)
    code, since_code = fired["trigger_code"][:2]
    assert f"{fired['account_id'][0]}, trigger {code}: published 'Use grew by 999%.', derived '" in ran.out
    assert f"{fired['account_id'][1]}, trigger {since_code} (since): published 2020-01-01, derived {END}" in ran.out
    assert f"different: {meant}, account_plays, step: published 'Free > Gold', derived " in ran.out
    assert f"different: {sold}, account_facts, line 1, mrr: published 1000000.0, derived " in ran.out
    planted, told = (reasons["account_id"][at] for at in (of_one_number(reasons), of(reasons, "seats_in_use")))
    code, name = (reasons[column][of_one_number(reasons)] for column in ("reason_code", "numbers_from"))
    assert f"different: {planted}, {code} ({name}): published 'A customer for 12 years." in ran.out
    assert f"{name} is 4321.0 and recomputed " in ran.out
    assert f"different: {told}, seats_in_use: published 'All of its seats were used.', derived" in ran.out
    assert f"different: {excluded}, exclusions: published '{words}', derived '" in ran.out
    derived = scores["not_eligible_because"][apart]
    assert f"different: {scores['account_id'][apart]}, gates: published other_gate, derived {derived}" in ran.out


def test_a_list_as_it_was_published_can_be_read(published: Path, warehouse: Path, headroom: Headroom) -> None:
    ran = headroom("verify", "--words", "--source", warehouse, "--out", published.parent)
    assert ran.code == 0, ran.out
    assert ran.out.endswith("every number derived\n")


@pytest.mark.slow
def test_a_fault_of_each_kind_is_named(copied: Path, warehouse: Path, headroom: Headroom) -> None:
    """What a CSM would stumble over, planted in the published tables: each in a row of its own account."""
    reasons = pd.read_parquet(copied / "reasons.parquet")
    ours = reasons["shown"].astype(bool) & reasons["story"].isin(STORIES)
    seen = reasons[ours & (reasons["effect"] == "for")]
    second = seen[seen.duplicated("account_id")].drop_duplicates("account_id")
    fall, limit, long, twice, story = second.index[:5]
    first = {place: seen.index[seen["account_id"] == reasons["account_id"][place]][0] for place in (twice, story)}
    many = " ".join(["word"] * 23) + "."

    def planted(frame: pd.DataFrame) -> pd.DataFrame:
        texts = {fall: "Its use has fallen.", limit: "It is near a limit.", long: many}
        texts |= {twice: "98,765 people work in it.", first[twice]: "It pays $98,765 a month."}
        for place, text in texts.items():
            frame = set_value(set_value(frame, int(place), "text", text), int(place), "named", None)
        return set_value(frame, int(story), "story", frame["story"][first[story]])

    edit(copied, "reasons", planted)
    known = pd.read_parquet(copied / "scores.parquet")
    edit(copied, "scores", lambda frame: set_value(frame, 0, "opening", "Shall we buy you lunch?"))
    edit(copied, "scores", lambda frame: set_value(frame, 1, "play", "no_such_play"))
    other = "seat" if known["motion"][2] != "seat" else "upsell"
    edit(copied, "scores", lambda frame: set_value(frame, 2, "motion", other))
    edit(copied, "scores", lambda frame: set_value(frame, 3, "name", "Somebody Else"))
    differences = verify(None, f"parquet://{warehouse}", END, copied.parent, words=True)
    told = {(difference.account_id, difference.where) for difference in differences.differences}
    account = reasons["account_id"]
    assert {
        (account[fall], "a plus before a fall"),
        (account[limit], "something unnamed"),
        (account[long], "a sentence over 22 words"),
        (account[long], "reasons"),
        (account[twice], "a number told twice"),
        (account[story], "two reasons of one story"),
        (known["account_id"][0], "opening"),
        (known["account_id"][1], "play"),
        (known["account_id"][2], "motion"),
        (known["account_id"][3], "name"),
    } <= told
    ran = headroom("verify", "--words", "--source", warehouse, "--out", copied.parent)
    assert ran.code == 1
    assert "a reason for says `fallen`: Its use has fallen." in ran.out
    assert "which limit? It is near a limit." in ran.out


@pytest.mark.slow
def test_a_reason_that_is_hidden_is_named(copied: Path, warehouse: Path, headroom: Headroom) -> None:
    reasons = pd.read_parquet(copied / "reasons.parquet")
    place = int(reasons.index[reasons["shown"].astype(bool)][0])
    edit(copied, "reasons", lambda frame: set_value(frame, place, "shown", False))
    ran = headroom("verify", "--reasons", "--source", warehouse, "--out", copied.parent)
    assert ran.code == 1
    account, code = reasons.loc[place, ["account_id", "reason_code"]]
    assert f"different: {account}, {code} (shown): published False, derived True" in ran.out


@pytest.mark.slow
def test_a_source_that_has_changed_since_is_told(published: Path, spoilt: Path, headroom: Headroom) -> None:
    """A later fact changes no number; one of the past does, and both are told."""
    lines = pd.read_parquet(spoilt / "subscriptions.parquet")
    later = lines.tail(1).assign(valid_from=pd.Timestamp(END), valid_to=pd.NaT, known_at=pd.NaT)
    pd.concat([lines, later.astype(lines.dtypes)]).to_parquet(spoilt / "subscriptions.parquet", index=False)
    ran = headroom("verify", "--reasons", "--source", spoilt, "--out", published.parent)
    assert ran.code == 0, ran.out
    rows = len(lines)
    assert f"the source has changed since this list was made: subscriptions: rows {rows + 1} (was {rows})" in ran.out
    assert "feature rows" not in ran.out
    lines.assign(seats=lines["seats"] + 1).to_parquet(spoilt / "subscriptions.parquet", index=False)
    ran = headroom("verify", "--reasons", "--source", spoilt, "--out", published.parent)
    assert ran.code == 1
    assert "the feature rows of that day are not those that were scored" in ran.out
    assert "seats is " in ran.out


def test_another_playbook_is_refused(published: Path, warehouse: Path, headroom: Headroom, tmp_path: Path) -> None:
    (tmp_path / "own.toml").write_text(
        "[reasons.tenure]\ntitle = 'Time with us'\ntexts = ['With us for {tenure_days:days}.']\n"
    )
    (tmp_path / "headroom.toml").write_text("[serving]\nplaybook = 'own.toml'\n")
    ran = headroom("verify", "--reasons", "--source", warehouse, "--out", published.parent)
    assert ran.code == 1
    assert "another playbook told them" in ran.err
    assert headroom("verify", "--out", published.parent).code == 0


def test_a_list_of_an_earlier_version_is_refused(copied: Path, warehouse: Path, headroom: Headroom) -> None:
    edit(copied, "reasons", lambda frame: frame.drop(columns=["numbers", "feature"]))
    ran = headroom("verify", "--reasons", "--source", warehouse, "--out", copied.parent)
    assert ran.code == 1
    assert "an earlier version published it" in ran.err


def test_a_list_that_is_not_there(published: Path, headroom: Headroom, tmp_path: Path) -> None:
    ran = headroom("verify", "--snapshot-date", "2020-01-01", "--out", published.parent)
    assert ran.code == 1
    assert f"the days there are {END}" in ran.err
    assert "no list has been published" in headroom("verify", "--out", tmp_path / "nowhere").err


def test_what_a_base_knows_of_its_accounts(spoilt: Path) -> None:
    accounts = pd.read_parquet(spoilt / "accounts.parquet")

    def known(frame: pd.DataFrame) -> tuple[str, ...]:
        frame.to_parquet(spoilt / "accounts.parquet", index=False)
        with read_source(load(source=f"parquet://{spoilt}")) as source:
            return likeness(known_base(source, END))

    assert known(accounts) == ("segment", "size", "industry")
    assert known(accounts.drop(columns=["segment"]).assign(industry=None)) == ("size",)
    assert known(accounts.drop(columns=["segment", "employees", "industry"])) == ()


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (lambda folder: (folder / "attributions.parquet").unlink(), "attributions.parquet is not there"),
        (lambda folder: (folder / "exclusions.parquet").write_bytes(b""), "exclusions.parquet cannot be read"),
        (lambda folder: edit(folder, "scores", lambda frame: frame.drop(columns="log_odds")), "a column log_odds"),
    ],
)
def test_a_table_that_cannot_be_read_is_a_difference(
    copied: Path, headroom: Headroom, spoil: Callable[[Path], object], told: str
) -> None:
    spoil(copied)
    for arguments in ((), ("--reasons",)):
        ran = headroom("verify", *arguments, "--out", copied.parent)
        assert ran.code == 1
        assert told in ran.out
        assert "counts, sums and sentences were not checked" in ran.out


def test_an_account_that_is_there_twice_is_told(copied: Path, headroom: Headroom) -> None:
    edit(copied, "attributions", lambda frame: pd.concat([frame, frame.iloc[:1]]))
    edit(copied, "scores", lambda frame: pd.concat([frame, frame.iloc[:1]]))
    ran = headroom("verify", "--out", copied.parent)
    assert ran.code == 1
    assert ", attributions: published more than one row" in ran.out
    assert ", scores: published more than one row" in ran.out


@pytest.mark.parametrize(
    ("manifest", "told"),
    [
        ("{nope", "manifest.json cannot be read: Expecting property name"),
        ("[]", "manifest.json is not a JSON object (it is list)"),
        ("{}", "manifest.json does not say snapshot_date, run_id, "),
    ],
)
def test_a_damaged_manifest_stops_every_reader_with_one_message(
    copied: Path, headroom: Headroom, warehouse: Path, with_model: None, manifest: str, told: str
) -> None:
    (copied / "manifest.json").write_text(manifest, encoding="utf-8")
    later = ("score", "--source", warehouse, "--snapshot-date", "2026-01-01", "--out", copied.parent)
    shutil.move(copied, copied.with_name("snapshot_date=2025-12-01"))
    for command in (("verify", "--out", copied.parent), ("top", "--out", copied.parent), later):
        ran = headroom(*command)
        assert ran.code == 1
        assert told in ran.err
        assert [path.name for path in copied.parent.iterdir()] == ["snapshot_date=2025-12-01"]


def test_a_list_that_was_renamed_is_not_that_of_the_day(copied: Path, headroom: Headroom) -> None:
    copied.rename(copied.with_name("snapshot_date=2025-13-45"))
    assert "no list has been published there" in headroom("verify", "--out", copied.parent).err
    copied.with_name("snapshot_date=2025-13-45").rename(copied.with_name("snapshot_date=2025-12-01"))
    assert f"manifest.json is of {END}, not of 2025-12-01" in headroom("verify", "--out", copied.parent).err
