"""An account that is erased from the published lists: nothing of it is left, and all else is as it was."""

import io
import shutil
import zipfile
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from data.atomic import unfinished_of
from data.contract.outputs import TABLES
from data.contract.vocabulary import Personal
from data.erasure.places import ACCOUNT, USER, Subject
from data.errors import PublishError
from flows.verify import verify
from serving.privacy.lists import ListsPlace, subject_of
from serving.privacy.told import MENTIONED
from serving.published.layout import place_of
from serving.published.read import PublishedList, open_list
from serving.web.index import index_of
from tests.serving.world import (
    DAY,
    accounts,
    as_of_earlier_version,
    details,
    facts,
    feature_rows,
    files_of,
    publish,
    snapshot,
)

EARLIER, ERASED_ON = date(2026, 9, 1), date(2026, 11, 29)
ZORRO, NAME, OWNER, DOMAIN = "acc-zorro", "Zorro Lumber", "Quetzal Owner", "zorro-lumber.example"
PLANTED = (ZORRO, NAME, OWNER, DOMAIN, "zorro")
PLACE = 7
"""Of the planted account in the base."""


def planted(day: date, previous: PublishedList | None, without: str = "") -> PublishedList:
    """A list of forty accounts, of which one has words of its own in all that tells of it, and heads a group."""
    rows, people = feature_rows(40), accounts(40)
    for frame in (rows, people):
        frame.loc[PLACE, "account_id"] = ZORRO
    rows = rows.assign(snapshot_date=day)
    people.loc[PLACE, ["name", "owner"]] = NAME, OWNER
    named = details(rows)
    named.loc[PLACE, [name for name in named if named[name].isin(("north.example", "Pro")).any()]] = DOMAIN
    named["group_id"], named["group_name"] = None, None
    named.loc[[PLACE, 8, 9], ["group_id", "group_name"]] = ZORRO, NAME
    known = facts(rows["account_id"], day)
    rows, people, named, known = (
        frame[frame["account_id"] != without].reset_index(drop=True) for frame in (rows, people, named, known)
    )
    return snapshot(40, 1, day, rows=rows, accounts=people, previous=previous, details=named, facts=known)


def planted_lists(out: Path) -> Path:
    """The lists of two days in a folder."""
    publish(out, planted(EARLIER, None))
    publish(out, planted(DAY, open_list(out)), previous=open_list(out))
    return out


@pytest.fixture(scope="module")
def two_lists(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The lists of two days. Shared: copy them before changing them."""
    return planted_lists(tmp_path_factory.mktemp("planted"))


@pytest.fixture
def out(two_lists: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(two_lists, tmp_path / "out"))


def texts(folder: Path) -> Iterator[tuple[str, str]]:
    """All that stands in the files of a folder: Parquet decoded, workbooks unpacked."""
    for name, content in files_of(folder).items():
        yield f"name of {name}", name
        if name.endswith(".parquet"):
            table = pq.read_table(io.BytesIO(content))
            yield name, f"{table.schema}{table.to_pylist()}"
        elif name.endswith(".xlsx"):
            with zipfile.ZipFile(io.BytesIO(content)) as book:
                yield from ((f"{name}/{part}", book.read(part).decode("utf-8")) for part in book.namelist())
        yield name, content.decode("latin-1")


def told(folder: Path, words: tuple[str, ...] = PLANTED) -> list[tuple[str, str]]:
    return [(name, word) for name, text in texts(folder) for word in words if word.lower() in text.lower()]


def tables(listing: PublishedList) -> dict[str, pd.DataFrame]:
    return {name: pd.read_parquet(listing.path(name)) for name in TABLES}


def test_nothing_of_it_is_left_and_the_others_are_as_they_were(out: Path) -> None:
    subject, place = subject_of(out, ZORRO), ListsPlace(out)
    assert (subject.names, subject.owners) == ({NAME}, {OWNER})
    before = {day: tables(open_list(out, day)) for day in (EARLIER, DAY)}
    assert {word for _, word in told(out)} == set(PLANTED)
    counts = place.found(subject)
    assert place.erase(subject, ERASED_ON) == counts
    assert (counts["scores"], counts[MENTIONED]) == (2, 4)
    assert told(out) == []
    for day, frames in before.items():
        after = tables(open_list(out, day))
        for name, frame in frames.items():
            rest = frame[frame["account_id"] != ZORRO].reset_index(drop=True)
            if name == "scores":
                rest.loc[rest["group_id"] == ZORRO, ["group_id", "group_name"]] = None
            pd.testing.assert_frame_equal(after[name], rest)
        assert verify(out=out, snapshot_date=day).holds
    assert place.erase(subject, ERASED_ON) == {}


def test_places_are_of_all_that_were_ranked_in_the_files_and_on_the_page(out: Path) -> None:
    def places() -> pd.Series:
        index = index_of(open_list(out).shown())
        ranked = pd.Series(index.stake_rank, index=index.ids.to_pylist())
        return pd.concat([ranked[ranked > 0].sort_index(), pd.Series({"of": index.places})])

    before, first = places(), open_list(out).scores("account_id", "stake_rank").dropna().sort_values("stake_rank")
    gone = first["account_id"].iloc[0]
    ListsPlace(out).erase(subject_of(out, gone), ERASED_ON)
    pd.testing.assert_series_equal(places(), before.drop(gone))
    after = open_list(out).scores("account_id", "stake_rank").dropna().set_index("account_id")["stake_rank"]
    assert places().drop("of").to_dict() == after.to_dict()


def test_the_manifest_and_the_page_say_how_many_were_erased_and_when(out: Path) -> None:
    ListsPlace(out).erase(subject_of(out, ZORRO), ERASED_ON)
    was_ranked = open_list(out).erased_ranks
    ListsPlace(out).erase(Subject(ACCOUNT, "acc-0001"), ERASED_ON)
    listing = open_list(out)
    assert listing.manifest["erased"] == {"2026-11-29": {"accounts": 2, "ranked": listing.erased_ranks}}
    assert listing.erased_ranks >= was_ranked
    sentence = "2 accounts were erased from this list on 29 Nov 2026; the others keep their ranks."
    assert [words for words in listing.manifest["warnings"] if "erased" in words] == [sentence]
    assert sentence in (listing.folder / "list.html").read_text(encoding="utf-8")
    index = index_of(listing)
    assert (np.diff(index.rank[index.is_ranked]) > 0).all()
    assert not index.is_ranked[index.is_ranked.sum() :].any()
    assert listing.manifest["expected_arr"]["sum"] == pytest.approx(
        listing.scores().query("eligible")["expected_arr"].sum()
    )


def test_the_next_list_is_published_against_one_with_a_gap(out: Path) -> None:
    """The account that was ranked first is gone from the last list: the ranks of the others begin at 2."""
    first = open_list(out).scores().set_index("rank").loc[1, "account_id"]
    ListsPlace(out).erase(Subject(ACCOUNT, first), ERASED_ON)
    last, day = open_list(out), date(2026, 11, 1)
    publish(out, planted(day, last, without=first), previous=last)
    assert verify(out=out, snapshot_date=day).holds
    changes = pd.read_parquet(open_list(out).path("changes")).dropna(subset="rank_change")
    assert (changes["rank_left"] <= -1).all()  # it stood ahead of them all


def test_a_list_that_was_filled_in_is_not_written_over(out: Path) -> None:
    before = files_of(out)
    workbook = place_of(out, DAY) / "list.xlsx"
    workbook.write_bytes(workbook.read_bytes() + b"an answer")
    with pytest.raises(PublishError, match=r"file list.xlsx .* is not as it was published"):
        ListsPlace(out).erase(subject_of(out, ZORRO), ERASED_ON)
    changed = {name for name, content in files_of(out).items() if before[name] != content}
    assert changed == {f"snapshot_date={DAY}/list.xlsx"}


def test_it_is_taken_out_of_a_list_of_an_earlier_version_too(out: Path) -> None:
    for day in (EARLIER, DAY):
        as_of_earlier_version(place_of(out, day))
    counts = ListsPlace(out).erase(subject_of(out, ZORRO), ERASED_ON)
    assert counts["scores"] == 2
    assert told(out) == []


def test_an_owner_who_has_others_on_another_list_stays_however_each_writes_the_name(out: Path) -> None:
    rows, people = feature_rows(40), accounts(40).assign(owner=OWNER.upper())
    publish(out, snapshot(40, day=date(2026, 11, 1), rows=rows, accounts=people))
    assert subject_of(out, ZORRO).owners == frozenset()


def test_what_is_left_of_a_first_list_that_was_never_published_goes(out: Path) -> None:
    for day in (EARLIER, DAY):
        shutil.move(place_of(out, day), unfinished_of(place_of(out, day)))
    assert ListsPlace(out).erase(Subject(ACCOUNT, ZORRO), ERASED_ON) == {}
    assert files_of(out) == {}


def test_what_lies_there_is_told_from_the_contract(out: Path) -> None:
    holdings = {holding.what: holding for holding in ListsPlace(out).holdings()}
    assert holdings.keys() >= {*TABLES, "list.html", "books/*.xlsx"}
    assert holdings["scores"].kinds == (Personal.ACCOUNT, Personal.NAME, Personal.OWNER, Personal.TEXT)
    assert (holdings["scores"].rows, holdings["scores"].files) == (80, 2)
    assert (holdings["scores"].first, holdings["scores"].last) == (EARLIER, DAY)
    assert ListsPlace(out).found(Subject(USER, "u-1")) == {}
    assert list(ListsPlace(out / "nothing here").holdings()) == []
