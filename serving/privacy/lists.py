"""An account is taken out of the published lists: tables without its rows, pages and workbooks written from them anew.

The others keep their rows as they are, and so their ranks. The manifest says how many were erased, and on which day.
"""

from collections.abc import Iterator
from datetime import date
from pathlib import Path

from data.atomic import whole_folder
from data.contract.outputs import NO_OWNER, TABLES
from data.contract.vocabulary import Personal, folded
from data.erasure import parquet
from data.erasure.places import ACCOUNT, Holding, Subject, present, total
from data.errors import PublishError
from serving.database.snapshots import Left
from serving.privacy.told import EXPECTED_ARR, MENTIONED, told_of_erasure
from serving.publish import OTHER_PLACE, OWNER, WRITERS, only_publisher, write_files
from serving.published.layout import published_dates
from serving.published.read import PublishedList, open_list
from serving.verify.files_and_sums import check_files


class ListsPlace:
    """The published lists of a folder."""

    name = "published lists"

    def __init__(self, out: Path) -> None:
        self._out = out

    def holdings(self) -> Iterator[Holding]:
        """One for each table over all lists, and one for each kind of file that is made of them."""
        lists = [open_list(self._out, day) for day in published_dates(self._out)]
        for table in TABLES.values():
            there = [listing for listing in lists if listing.has(table.name)]
            rows = sum(int(listing.manifest["rows_out"][table.name]) for listing in there)
            if there:
                yield Holding(self.name, table.name, table.personal, rows, len(there), *_days(there))
        told = Personal.among(kind for table in TABLES.values() for kind in table.personal)
        for name in WRITERS:
            pattern = name.replace(OWNER, "*")
            files = sum(len(list(listing.folder.glob(pattern))) for listing in lists)
            if files:
                yield Holding(self.name, pattern, told, None, files, *_days(lists))

    def found(self, subject: Subject) -> dict[str, int]:
        """Its rows in all lists, by table."""
        lists = (open_list(self._out, day) for day in published_dates(self._out))
        return total(rows_of(listing, subject) for listing in lists) if subject.is_account else {}

    def erase(self, subject: Subject, day: date) -> dict[str, int]:
        """Take it out of every list that has it, list by list. Raises PublishError where one is not as published."""
        if not subject.is_account or not self._out.is_dir():
            return {}
        with only_publisher(self._out, asked=f"Erase an account from the lists in {self._out}."):
            lists = [open_list(self._out, of) for of in published_dates(self._out)]
            counted = [(listing, rows_of(listing, subject)) for listing in lists]
            concerned = [listing for listing, counts in counted if counts]
            for listing in concerned:
                _require_as_published(listing)
            for listing in concerned:
                erase(listing, subject, day)
            return total(counts for _, counts in counted)


def _days(lists: list[PublishedList]) -> tuple[date, date]:
    return lists[0].snapshot_date, lists[-1].snapshot_date


def subject_of(out: Path, account_id: str) -> Subject:
    """An account with what the lists call it, and the owners that have no other account on any of them."""
    names, owners, others = set[str](), set[str](), set[str]()
    for day in published_dates(out):
        scores = open_list(out, day).scores(ACCOUNT, "name", "owner")
        its = scores[ACCOUNT] == account_id
        names |= set(scores.loc[its, "name"]) - {account_id}
        owners |= set(scores.loc[its, "owner"].dropna())
        others |= set(scores.loc[~its, "owner"].dropna())
    have_others = {*map(folded, others), NO_OWNER}
    alone = frozenset(owner for owner in owners if folded(owner) not in have_others)
    return Subject(ACCOUNT, account_id, frozenset(names), alone)


def rows_of(listing: PublishedList, subject: Subject) -> dict[str, int]:
    """The rows of an account in each table of a list, and those of others that name it."""
    there = [table for table in TABLES.values() if listing.has(table.name)]
    counts = {table.name: parquet.count_of(listing.path(table.name), ACCOUNT, subject.id) for table in there}
    mentions = (parquet.mentions_of(listing.path(table.name), subject.id, table.of_other_accounts) for table in there)
    # Whoever stands at the top of its group is named by its own row, too.
    counts[MENTIONED] = max(sum(mentions) - counts["scores"], 0)
    return present(counts)


def erase(listing: PublishedList, subject: Subject, day: date) -> None:
    """Write a list anew without an account, whole or not at all."""
    asked = f"Erase an account from the list of {listing.snapshot_date}."
    with whole_folder(listing.folder, asked, OTHER_PLACE) as new:
        for table in TABLES.values():
            if listing.has(table.name):
                target = new / listing.path(table.name).name
                parquet.copy_without(listing.path(table.name), target, ACCOUNT, subject.id, table.of_other_accounts)
        write_files(_without(listing, new, day))


def _without(listing: PublishedList, new: Path, day: date) -> PublishedList:
    """The list in its new folder, whose manifest says what was erased."""
    there = PublishedList(new, listing.snapshot_date, listing.manifest)
    scores = there.scores("rank", EXPECTED_ARR)
    ranked = scores.loc[scores["rank"].notna(), EXPECTED_ARR]
    return there.with_manifest(**told_of_erasure(listing.manifest, Left(len(scores), len(ranked), ranked.sum()), day))


def _require_as_published(listing: PublishedList) -> None:
    """What somebody changed would be lost, or would count as published from now on."""
    for difference in check_files(listing):
        raise PublishError(
            f"Erase an account from the list of {listing.snapshot_date}.",
            f"{difference.where} in {listing.folder} is not as it was published: {difference.derived}.",
            "Import what was filled in (`headroom outcomes import`), then score that day again, or put back or move "
            "away what differs.",
        )
