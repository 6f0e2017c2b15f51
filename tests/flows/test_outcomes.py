"""The answers of a CSM: from the Excel file to the table ``outcomes``, and nothing half-way."""

import zipfile
from collections.abc import Callable
from datetime import date, datetime
from pathlib import Path

import openpyxl
import pandas as pd
import pyarrow.parquet as pq
import pytest
import xlsxwriter
from typer.testing import CliRunner

from data.contract.inputs import TABLES
from data.contract.vocabulary import PLAY_STATUSES
from data.errors import ContractError, HeadroomError, PublishError
from flows.cli import app
from flows.outcomes.to_file import Imported, import_answers
from serving.render.answers import ANSWERS, HEADINGS, read_answers
from tests.serving.world import DAY, accounts, publish, snapshot

TODAY, LATER = date(2026, 10, 20), date(2026, 11, 5)
Cells = dict[tuple[str, int, str], object]
"""What is filled in, by sheet, row and heading."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return publish(tmp_path_factory.mktemp("lists"), snapshot(60))


@pytest.fixture
def filled(folder: Path, tmp_path: Path) -> Callable[[Cells], Path]:
    """The workbook with these cells filled in, saved by another program than the one that wrote it."""

    def fill(cells: Cells, name: str = "list.xlsx") -> Path:
        book = openpyxl.load_workbook(folder / name)
        for (sheet, row, heading), value in cells.items():
            column = [cell.value for cell in book[sheet][1]].index(heading) + 1
            book[sheet].cell(row, column).value = value
        book.save(tmp_path / "filled.xlsx")
        return tmp_path / "filled.xlsx"

    return fill


@pytest.fixture
def importing(folder: Path, tmp_path: Path) -> Callable[..., Imported]:
    def run(file: Path, out: str = "outcomes.parquet", today: date = TODAY) -> Imported:
        return import_answers(file, folder.parent, tmp_path / out, today)

    return run


def accounts_of(folder: Path, sheet: str = "Most likely") -> list[tuple[str, str]]:
    """Account and play of each row of a sheet."""
    rows = openpyxl.load_workbook(folder / "list.xlsx")[sheet].iter_rows(values_only=True)
    headings = next(rows)
    return [(row[headings.index("Account id")], row[headings.index("Play id")]) for row in rows]


ANSWERED: Cells = {
    ("Most likely", 2, "Answer"): "won", ("Most likely", 2, "ARR won"): 1200,
    ("Most likely", 3, "Answer"): " Not  now ", ("Most likely", 3, "Because"): "budget closed",
    ("All ranked", 40, "Answer"): "under way",
}  # fmt: skip


def read(path: Path) -> pd.DataFrame:
    return pd.read_csv(path, dtype={"account_id": "str"}) if path.suffix == ".csv" else pd.read_parquet(path)


@pytest.mark.parametrize("out", ["outcomes.parquet", "outcomes.csv"])
def test_answers_become_outcomes(folder: Path, filled, importing, tmp_path: Path, out: str) -> None:
    assert importing(filled(ANSWERED), out)[1:4] == (3, 0, 0)
    rows = read(tmp_path / out)
    assert tuple(rows.columns) == tuple(column.name for column in TABLES["outcomes"].columns)
    first, second = accounts_of(folder)[:2]
    third = accounts_of(folder, "All ranked")[38]
    assert list(zip(rows["account_id"], rows["play"], strict=True)) == [first, second, third]
    assert rows["status"].tolist() == ["won", "not_now", "open"]
    assert [day.date() for day in pd.to_datetime(rows["opened_at"])] == [DAY] * 3
    assert [day.date() for day in pd.to_datetime(rows["closed_at"])[:2]] == [TODAY] * 2
    assert rows["closed_at"].isna().tolist() == [False, False, True]
    assert rows["arr"].fillna(-1).tolist() == [1200, -1, -1]
    assert rows["reason"].fillna("").tolist() == ["", "budget closed", ""]


@pytest.mark.parametrize("out", ["outcomes.parquet", "outcomes.csv"])
def test_the_same_file_again_adds_nothing(filled, importing, tmp_path: Path, out: str) -> None:
    file = filled(ANSWERED)
    importing(file, out)
    before = (tmp_path / out).read_bytes()
    assert importing(file, out, LATER)[1:4] == (0, 0, 3)
    assert (tmp_path / out).read_bytes() == before


def test_a_changed_answer_changes_its_row_and_no_other(filled, importing, tmp_path: Path) -> None:
    importing(filled(ANSWERED))
    before = read(tmp_path / "outcomes.parquet")
    changed = ANSWERED | {("All ranked", 40, "Answer"): "lost", ("All ranked", 40, "Because"): "too dear"}
    assert importing(filled(changed), today=LATER)[1:4] == (0, 1, 2)
    after = read(tmp_path / "outcomes.parquet")
    pd.testing.assert_frame_equal(after.head(2), before.head(2))
    assert after.loc[2, ["status", "reason"]].tolist() == ["lost", "too dear"]
    assert after.loc[2, "closed_at"].date() == LATER


def test_rows_and_columns_of_others_stay(filled, importing, tmp_path: Path) -> None:
    own = pd.DataFrame({"account_id": ["x"], "play": ["call"], "opened_at": ["2026-01-05"], "status": ["lost"],
                        "closed_at": ["2026-02-01"], "arr": [3.5], "reason": ["no"], "who": ["CRM"]})  # fmt: skip
    own.to_csv(tmp_path / "outcomes.csv", index=False)
    importing(filled(ANSWERED), "outcomes.csv")
    rows = read(tmp_path / "outcomes.csv")
    assert rows.iloc[0].to_dict() == own.iloc[0].to_dict()
    assert len(rows) == 4


def test_a_book_of_an_owner_is_imported_too(filled, importing) -> None:
    assert importing(filled({("Most at stake", 2, "Answer"): "won"}, "books/Ana Costa.xlsx"))[1:4] == (1, 0, 0)


def test_an_empty_file_imports_nothing(filled, importing, tmp_path: Path) -> None:
    imported = importing(filled({}))
    assert imported[1:4] == (0, 0, 0)
    assert "no answers" in str(imported)
    assert not imported.path.exists()


BAD: list[tuple[Cells, str]] = [
    ({("Most likely", 5, "Answer"): "maybe"}, "sheet `Most likely`, row 5: `maybe` is no answer"),
    ({("Most likely", 5, "Because"): "later"}, "sheet `Most likely`, row 5: `later` and no answer"),
    ({("Most likely", 5, "Answer"): "won", ("Most likely", 5, "ARR won"): "a lot"}, "row 5: `a lot` is no amount"),
    ({("Most likely", 5, "Answer"): "won", ("Most likely", 5, "ARR won"): -3}, "row 5: `-3` is no amount"),
    ({("Most likely", 5, "Answer"): "won", ("Most likely", 5, "Account id"): "who"}, "the list has no account `who`"),
    ({("Most likely", 5, "Answer"): "won", ("Most likely", 5, "Account id"): None}, "row 5: `won` and no account"),
    (
        {("Most likely", 5, "Answer"): "won", ("Most likely", 5, "Play id"): "seat_limits"},
        ", not `seat_limits`",
    ),
    (
        {("Most likely", 2, "Answer"): "won", ("All ranked", 2, "Answer"): "lost"},
        "sheet `All ranked`, row 2: another answer for",
    ),
    ({("About", 2, "What"): "something else"}, "it does not say which list it is of"),
    ({("About", 3, ""): "other"}, "it is of the list of run other; the one published for 2026-10-01 is of run-1"),
    ({("Most likely", 1, "Answer"): "Status"}, "sheet `Most likely` has no Answer in its first row"),
    ({("Most likely", 5, "Answer"): "won", ("Most likely", 5, "Account"): "Else"}, ", not `Else`"),
    *[
        ({("Most likely", 5, "Answer"): "won", ("Most likely", 5, "ARR won"): amount}, f"row 5: {found}")
        for amount, found in (
            (True, "`True` is no amount"),
            ("1_200", "`1_200` is no amount"),
            ("=A1*2", "the formula `=A1*2` has no value"),
        )
    ],
    *[
        ({("Most likely", 5, "Answer"): said, ("Most likely", 5, "ARR won"): 7}, f"`7` as ARR won and `{said}`")
        for said in ("lost", "not now", "under way")
    ],
    *[
        ({("Most likely", 5, "Answer"): "won", ("Most likely", 5, heading): value}, f"row 5: {found}")
        for heading, value, found in (
            ("ARR won", 2e12, "`2000000000000` as ARR won, and 1,000,000,000,000 a year is the most"),
            ("Because", "x" * 4001, "Because has 4,001 characters, and 4,000 are the most"),
            ("Because", "one_x000B_two", "Because has the control character U+000B"),
        )
    ],
]


@pytest.mark.parametrize(("cells", "found"), BAD)
def test_what_is_no_answer_is_named_and_nothing_is_written(
    filled, importing, tmp_path: Path, cells: Cells, found: str
) -> None:
    importing(filled(ANSWERED))
    before = (tmp_path / "outcomes.parquet").read_bytes()
    with pytest.raises(ContractError) as refusal:
        importing(filled(cells))
    assert found in refusal.value.found
    assert "filled.xlsx" in refusal.value.asked
    assert (tmp_path / "outcomes.parquet").read_bytes() == before


def test_an_id_is_read_to_the_letter(filled) -> None:
    cells: Cells = {("Most likely", 2, "Answer"): "won", ("Most likely", 2, "Account id"): "acc-7 "}
    assert [answer.account_id for answer in read_answers(filled(cells)).answers] == ["acc-7 "]


@pytest.mark.parametrize("text", ["Bell\x07 tower", "one\x0btwo", "_x000B_", "_x005F_", "A_x0041_B", "Ōsaka 株"])
def test_what_a_workbook_writes_by_its_number_is_read_to_the_letter(tmp_path: Path, text: str) -> None:
    rows = {
        "Most likely": [HEADINGS, (text, "won", 5, "budget\r\nopened", text, "call")],
        "About": [("What", ""), ("Snapshot date", "2026-10-01"), ("Run", "run-1")],
    }
    with xlsxwriter.Workbook(tmp_path / "list.xlsx") as book:
        for title, told in rows.items():
            sheet = book.add_worksheet(title)
            for number, row in enumerate(told):
                sheet.write_row(number, 0, row)
    (answer,) = read_answers(tmp_path / "list.xlsx").answers
    assert (answer.account_id, answer.name, answer.reason) == (text, text, "budget\nopened")


def test_a_list_of_names_with_control_characters_is_imported(tmp_path: Path) -> None:
    people = accounts(60)
    people["name"] = [f"Bell\x07 tower\x0b{number}" for number in range(60)]
    made = publish(tmp_path / "lists", snapshot(60, accounts=people))
    book = openpyxl.load_workbook(made / "list.xlsx")
    headings = [cell.value for cell in book["Most likely"][1]]
    book["Most likely"].cell(2, headings.index("Answer") + 1).value = "won"
    book.save(tmp_path / "filled.xlsx")
    imported = import_answers(tmp_path / "filled.xlsx", made.parent, tmp_path / "outcomes.parquet", TODAY)
    assert imported[1:4] == (1, 0, 0)


def test_several_faults_are_told_at_once(filled, importing) -> None:
    with pytest.raises(ContractError) as refusal:
        importing(filled({("Most likely", row, "Answer"): "maybe" for row in range(2, 10)}))
    assert refusal.value.found.count("`maybe` is no answer") == 5
    assert "and 3 more" in refusal.value.found


def test_a_file_that_is_no_workbook_and_a_list_that_is_gone(filled, importing, folder: Path, tmp_path: Path) -> None:
    (tmp_path / "notes.xlsx").write_text("no workbook")
    for file in (tmp_path / "notes.xlsx", tmp_path / "absent.xlsx", folder / "scores.parquet"):
        with pytest.raises(ContractError, match="cannot be read"):
            importing(file)
    with pytest.raises(PublishError, match="no list has been published"):
        import_answers(filled(ANSWERED), tmp_path / "nowhere", tmp_path / "outcomes.parquet", TODAY)
    with pytest.raises(ContractError, match="neither Parquet nor CSV"):
        importing(filled(ANSWERED), "outcomes.txt")
    (tmp_path / "outcomes.csv").write_text("a,b\n1,2\n")
    with pytest.raises(HeadroomError, match="has no column account_id, play, opened_at"):
        importing(filled(ANSWERED), "outcomes.csv")


def test_a_day_that_another_program_made_a_date_is_read(filled, importing) -> None:
    book = openpyxl.load_workbook(filled(ANSWERED))
    for row in book["About"].iter_rows():
        if row[0].value == "Snapshot date":
            row[1].value = datetime(2026, 10, 1)
    book.save(filled(ANSWERED).with_name("dated.xlsx"))
    assert importing(filled(ANSWERED).with_name("dated.xlsx")).added == 3


def test_the_command_adds_to_the_file_that_is_named(
    filled, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    arguments = ["outcomes", "import", str(filled(ANSWERED)), "--published", str(folder.parent)]
    ran = CliRunner().invoke(app, [*arguments, "--out", "outcomes.parquet"])
    assert ran.output == "3 answers added, 0 changed, 0 already there: outcomes.parquet\n"
    assert len(read(tmp_path / "outcomes.parquet")) == 3


def test_every_status_can_be_answered() -> None:
    assert tuple(ANSWERS.values()) == PLAY_STATUSES


@pytest.mark.parametrize("out", ["outcomes.csv", "outcomes.CSV"])
def test_a_csv_stays_letter_by_letter_but_for_the_answers(filled, importing, tmp_path: Path, out: str) -> None:
    own = (
        "account_id,play,opened_at,status,closed_at,arr,reason,n\n"
        "007,call,2026-01-01T08:30:15Z,lost,,3.50,null,1\n"
        "007,call,2026-01-01T19:00:00Z,won,2026-01-02,1e3,NA,\n"
    )
    (tmp_path / out).write_text(own)
    cells = ANSWERED | {("Most likely", 3, "Because"): "NA", ("All ranked", 40, "Because"): "null"}
    assert importing(filled(cells), out)[1:4] == (3, 0, 0)
    written = (tmp_path / out).read_text()
    assert written.startswith(own)
    assert [line.split(",")[6] for line in written.splitlines()[3:]] == ["", "NA", "null"]
    assert importing(filled(cells), out, LATER)[1:4] == (0, 0, 3)
    assert (tmp_path / out).read_text() == written


def test_the_headings_of_a_file_without_rows_stay(filled, importing, tmp_path: Path) -> None:
    headings = "n,account_id,play,opened_at,status,closed_at,arr,reason"
    (tmp_path / "outcomes.csv").write_text(f"{headings}\n")
    assert importing(filled(ANSWERED), "outcomes.csv").added == 3
    assert (tmp_path / "outcomes.csv").read_text().startswith(f"{headings}\n,")


def test_a_row_above_the_headings_is_refused(filled, importing) -> None:
    book = openpyxl.load_workbook(filled(ANSWERED))
    for sheet in book:
        sheet.insert_rows(1) if sheet.title != "About" else None
    book.save(file := filled({}).with_name("moved.xlsx"))
    with pytest.raises(ContractError, match=r"sheet `Most likely` has no Account, Answer, .* in its first row"):
        importing(file)
    for title in ("Most likely", "Most at stake", "All ranked"):
        del book[title]
    book.save(file)
    with pytest.raises(ContractError, match=r"no sheet has Account, .*; there are Fix first, Plays, Reasons, About"):
        importing(file)


def test_an_account_and_its_play_are_a_pair_and_ranked(folder: Path, filled, importing) -> None:
    pairs = accounts_of(folder)
    other = next(play for _, play in pairs if play != pairs[3][1])
    apart = pd.read_parquet(folder / "exclusions.parquet")["account_id"].iloc[0]
    won: Cells = {("Most likely", 5, "Answer"): "won"}
    with pytest.raises(ContractError, match=f"the play of `{pairs[3][0]}` is `{pairs[3][1]}`, not `{other}`"):
        importing(filled(won | {("Most likely", 5, "Play id"): other}))
    with pytest.raises(ContractError, match=f"account `{apart}` is not ranked"):
        importing(filled(won | {("Most likely", 5, "Account id"): apart}))


def test_several_rows_of_one_answer_are_refused_and_those_of_others_stay(filled, importing, tmp_path: Path) -> None:
    importing(filled(ANSWERED))
    rows = read(tmp_path / "outcomes.parquet")
    rows.iloc[[0, 0, 1]].to_parquet(tmp_path / "twice.parquet")
    with pytest.raises(ContractError, match=f"has several rows of account {rows['account_id'][0]}, play"):
        importing(filled(ANSWERED), "twice.parquet")
    others = rows.iloc[[0, 0, 1]].assign(account_id=["x", "x", rows["account_id"][1]], n=1).set_axis([7, 7, 3])
    others.to_parquet(tmp_path / "others.parquet")
    assert importing(filled(ANSWERED), "others.parquet")[1:4] == (2, 0, 1)
    assert importing(filled(ANSWERED), "others.parquet")[1:4] == (0, 0, 3)
    assert pq.read_schema(tmp_path / "others.parquet").field("n").type == "int64"


def test_an_outcomes_file_with_a_column_twice_is_left_as_it_is(
    filled: Callable[[Cells], Path], importing: Callable[..., Imported], tmp_path: Path
) -> None:
    importing(filled(ANSWERED), "once.parquet")
    table = pq.read_table(tmp_path / "once.parquet")
    pq.write_table(table.append_column("arr", table["arr"]), tmp_path / "twice.parquet")
    (tmp_path / "twice.csv").write_text("account_id,play,opened_at,arr,arr\n", encoding="utf-8")
    for name in ("twice.parquet", "twice.csv"):
        before = (tmp_path / name).read_bytes()
        with pytest.raises(ContractError, match=r"columns occur twice: arr\."):
            importing(filled(ANSWERED), name)
        assert (tmp_path / name).read_bytes() == before


def test_a_chart_sheet_is_passed_over(filled, importing) -> None:
    book = openpyxl.load_workbook(filled(ANSWERED))
    book.create_chartsheet("Chart", 0)
    book.save(file := filled({}).with_name("chart.xlsx"))
    assert importing(file).added == 3


@pytest.mark.parametrize("part", ["xl/workbook.xml", "xl/worksheets/sheet1.xml", "xl/styles.xml"])
@pytest.mark.parametrize("content", [b"<broken", b""])
def test_a_workbook_that_is_broken_inside_cannot_be_read(filled, importing, part: str, content: bytes) -> None:
    file = filled(ANSWERED)
    with zipfile.ZipFile(file) as there, zipfile.ZipFile(broken := file.with_name("broken.xlsx"), "w") as new:
        for name in there.namelist():
            new.writestr(name, content if name == part else there.read(name))
    with pytest.raises(ContractError, match="cannot be read: it is no Excel file"):
        importing(broken)
