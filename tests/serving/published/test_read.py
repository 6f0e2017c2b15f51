"""The one reader of a published list: only what is asked for is read, and what is damaged is named."""

from collections.abc import Iterable
from datetime import date
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq
import pytest

from data.contract.outputs import NO_OWNER, REASONS, SCORES
from data.errors import PublishError
from serving.published import tables
from serving.published.read import PublishedList, list_before, open_list
from tests.serving.world import DAY, HeldList, publish, snapshot

EARLIER = date(2026, 9, 1)


@pytest.fixture(scope="module")
def made() -> HeldList:
    return snapshot(40)


@pytest.fixture(scope="module")
def out(made: HeldList, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("published")
    publish(folder, made)
    return folder


def test_only_the_columns_asked_for_are_read_and_each_once(out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    listing, read, asked = open_list(out), tables.read, []

    def spy(path: Path, accounts: Iterable[str] | None = None, columns: list[str] | None = None) -> pd.DataFrame:
        asked.append((path.stem, columns))
        return read(path, accounts, columns)

    monkeypatch.setattr(tables, "read", spy)
    listing.scores("account_id", "rank")
    listing.scores("rank", "owner")
    listing.scores("owner", "account_id")
    listing.of("reasons", ["acc-0001"], ["account_id", "text"])
    assert asked == [
        ("scores", ["account_id", "rank"]),
        ("scores", ["owner"]),
        ("reasons", ["account_id", "text"]),
    ]


def test_what_is_made_of_a_list_is_made_once_and_of_no_other_list(out: Path) -> None:
    listing, made = open_list(out), []
    book = listing.book("Ana Costa")
    for asked in (listing, listing, book, book, listing.with_manifest(warnings=[]), listing.shown(frozenset({"a"}))):
        asked.once("who", lambda asked=asked: made.append(asked.owner))
    assert made == [None, "Ana Costa", None, None]


def test_the_rows_of_one_account_are_all_that_it_has(
    out: Path, made: HeldList, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tables, "ROW_GROUP_ROWS", 7)
    publish(out / "cut", made)
    listing = open_list(out / "cut")
    for name in ("scores", "reasons", "changes", "exclusions"):
        everyone = pq.read_table(listing.path(name)).to_pylist()
        for account in made.scores()["account_id"]:
            rows = listing.of_account(name, account)
            assert repr(rows) == repr([row for row in everyone if row["account_id"] == account])
    assert listing.of_account("scores", "nobody") == []


def test_what_an_older_list_lacks_is_null_for_one_account_too_and_what_is_gone_is_named(out: Path) -> None:
    listing = open_list(out)
    path = listing.path("scores")
    whole = pd.read_parquet(path)
    try:
        whole.drop(columns=["stake_rank"]).to_parquet(path)
        assert listing.of_account("scores", "acc-0003", ["rank", "stake_rank"])[0]["stake_rank"] is None
        whole.drop(columns=["rank"]).to_parquet(path)
        with pytest.raises(PublishError, match="has no column rank"):
            listing.of_account("scores", "acc-0003", ["rank", "stake_rank"])
        path.write_bytes(b"PAR1")
        with pytest.raises(PublishError, match="cannot be read"):
            listing.of_account("scores", "acc-0003", ["rank"])
    finally:
        whole.to_parquet(path)


def test_batches_hold_every_row_once_and_in_order(out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tables, "ROWS_AT_ONCE", 7)
    listing = open_list(out)
    batches = list(listing.batches("reasons"))
    assert {len(batch) for batch in batches[:-1]} == {7}
    whole = tables.read(listing.path("reasons"))
    pd.testing.assert_frame_equal(pd.concat(batches, ignore_index=True), whole)
    assert list(whole.columns) == list(REASONS.names)
    assert [list(batch) for batch in listing.batches("scores", ["rank", "account_id"])] == [["rank", "account_id"]] * 6


def test_a_book_is_the_part_of_one_owner(out: Path, made: HeldList) -> None:
    scores = made.scores()
    listing = open_list(out)
    for asked, mine in (("  dana LEE ", scores["owner"] == "Dana Lee"), (NO_OWNER, scores["owner"].isna())):
        book = listing.book(asked)
        assert book.scores("account_id")["account_id"].tolist() == scores.loc[mine, "account_id"].tolist()
        assert set(book.exclusions("account_id")["account_id"]) <= set(scores.loc[mine, "account_id"])
    assert listing.book("Nobody").scores().empty
    assert len(listing.scores()) == 40  # the whole list is none the smaller
    assert list(listing.book("Dana Lee").scores()) == list(SCORES.names)


def test_the_list_that_a_list_is_compared_with(tmp_path: Path) -> None:
    first = snapshot(20, day=EARLIER)
    publish(tmp_path, first)
    earlier = open_list(tmp_path)
    assert earlier.previous is None
    publish(tmp_path, snapshot(20, previous=earlier))
    listing = open_list(tmp_path)
    assert (listing.snapshot_date, listing.previous.snapshot_date) == (DAY, EARLIER)
    before = list_before(tmp_path, DAY)
    assert before.snapshot_date == EARLIER
    (before.folder / "manifest.json").unlink()
    with pytest.raises(PublishError, match="Read the list of 2026-09-01"):
        _ = open_list(tmp_path).previous


@pytest.mark.parametrize(
    ("spoil", "says"),
    [(lambda path: path.unlink(), "is not there"), (lambda path: path.write_bytes(b"no"), "cannot be read")],
)
def test_a_table_that_is_gone_or_cut_short_is_named(made: HeldList, tmp_path: Path, spoil, says: str) -> None:
    publish(tmp_path, made)
    listing: PublishedList = open_list(tmp_path)
    spoil(listing.path("reasons"))
    assert len(listing.scores("account_id")) == 40
    for read in (lambda: listing.of("reasons", ["acc-0001"]), lambda: list(listing.batches("reasons"))):
        with pytest.raises(PublishError, match=rf"reasons\.parquet {says}"):
            read()
