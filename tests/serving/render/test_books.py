"""One file per owner: the same page and the same workbook, of that owner's accounts alone."""

from collections import Counter
from pathlib import Path

import openpyxl
import pytest

from serving.publish import WRITERS, _file_name
from serving.published import tables
from serving.published.read import open_list
from serving.render.html import render_page
from serving.render.orders import Order, short_list
from tests.serving.world import OWNERS, HeldList, accounts, publish, snapshot, with_context

COUNT = 150


@pytest.fixture(scope="module")
def made() -> HeldList:
    people = accounts(COUNT)
    people["name"] = [f"Account Number {number:04d}" for number in range(COUNT)]
    return with_context(snapshot(COUNT, accounts=people))


@pytest.fixture(scope="module")
def folder(made: HeldList, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return publish(tmp_path_factory.mktemp("books"), made)


def texts_of(path: Path) -> str:
    """All that stands in a page or a workbook."""
    if path.suffix == ".html":
        return path.read_text(encoding="utf-8")
    cells = (
        cell for sheet in openpyxl.load_workbook(path) for row in sheet.iter_rows(values_only=True) for cell in row
    )
    return "\n".join(str(cell) for cell in cells if cell is not None)


@pytest.mark.parametrize("suffix", ["html", "xlsx"])
def test_a_book_names_no_other_owner_and_none_of_their_accounts(made: HeldList, folder: Path, suffix: str) -> None:
    of = made.scores("account_id", "name", "owner").set_index("name")["owner"]
    for owner in OWNERS:
        text = texts_of(folder / "books" / f"{owner.replace(chr(39), '_')}.{suffix}").replace("&#39;", "'")
        assert owner in text
        assert [other for other in OWNERS if other != owner and other in text] == []
        named = {name for name in of.index if name in text}
        assert set(of[list(named)]) == {owner}
        assert len(named) >= 20


def test_a_book_has_its_own_two_orders_of_twenty_and_its_own_set_apart(made: HeldList, folder: Path) -> None:
    book = openpyxl.load_workbook(folder / "books" / "Ana Costa.xlsx")
    assert book.sheetnames == ["Most likely", "Most at stake", "Fix first", "Plays", "Reasons", "About"]
    ranked = int(made.book("Ana Costa").scores("eligible")["eligible"].sum())
    for by, title in ((Order.LIKELIHOOD, "Most likely"), (Order.STAKE, "Most at stake")):
        rows = list(book[title].iter_rows(min_row=2, values_only=True))
        expected = short_list(made.book("Ana Costa"), by, 20)
        assert [row[0] for row in rows] == list(range(1, min(20, ranked) + 1))
        assert [row[1] for row in rows] == [entry.name for _, entry in expected.rows]
    apart = made.book("Ana Costa").exclusions("name")["name"]
    assert {row[0] for row in book["Fix first"].iter_rows(min_row=2, values_only=True)} == set(apart)
    about = {row[0]: row[1] for row in book["About"].iter_rows(values_only=True)}
    assert about["Book of"] == "Ana Costa"
    page = (folder / "books" / "Ana Costa.html").read_text(encoding="utf-8")
    assert "<h1>Who is ready to grow: <bdi>Ana Costa</bdi></h1>" in page
    assert "By owner" not in page
    assert page == render_page(open_list(folder.parent).book("ana  costa").book("Ana Costa"))


def test_the_accounts_without_an_owner_are_a_book_too(folder: Path) -> None:
    page = (folder / "books" / "(no owner).html").read_text(encoding="utf-8")
    assert "Who is ready to grow: <bdi>No owner</bdi>" in page


@pytest.mark.slow
def test_how_often_the_tables_are_read_does_not_grow_with_the_owners(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reads: list[Counter[str]] = []
    read = tables.read

    def counted(path: Path, *given: object) -> object:
        reads[-1][path.stem] += 1
        return read(path, *given)

    monkeypatch.setattr(tables, "read", counted)
    for owners in (2, 40):
        people = accounts(COUNT)
        people["owner"] = [f"Owner {number % owners:02d}" for number in range(COUNT)]
        reads.append(Counter())
        publish(tmp_path / str(owners), snapshot(COUNT, accounts=people))
        assert len(list((tmp_path / str(owners)).rglob("*.xlsx"))) == owners + 1
    assert reads[0] == reads[1]


def test_the_files_of_the_owners_are_rows_of_the_writers() -> None:
    assert [name for name in WRITERS if name.startswith("books/")] == ["books/OWNER.html", "books/OWNER.xlsx"]


@pytest.mark.parametrize(
    ("owner", "name"),
    [
        ("CON", "_CON"),
        ("nul", "_nul"),
        ("Aux.Ann", "_Aux.Ann"),
        ("COM7", "_COM7"),
        ("Conny", "Conny"),
        ("COM10", "COM10"),
    ],
)
def test_a_file_is_not_called_as_a_device_of_windows(owner: str, name: str) -> None:
    assert _file_name(owner, set()) == name
    assert _file_name(owner, {name.casefold()}) == f"{name} (2)"
