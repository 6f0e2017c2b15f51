import io
import re
from dataclasses import replace
from datetime import date
from html.parser import HTMLParser
from pathlib import Path

import openpyxl
import pandas as pd
import pytest

import serving.render.html
from data.errors import SettingsError
from serving.reasons import formats
from serving.reasons.playbook import SHIPPED
from serving.render import entries
from serving.render.excel import write_workbook
from serving.render.html import feeds, render_page
from serving.render.terminal import print_top
from serving.settings import ServingSettings
from tests.serving.world import ARR_DOUBT, DAY, PIECES, HeldList, accounts, feature_rows, scored, snapshot

NASTY = '<b>Bold</b> & "Söhne" [red]株式会社[/red] {{ 7 * 7 }}'
FORMULA = '=HYPERLINK("http://example.org","x")'


@pytest.fixture(scope="module")
def made() -> HeldList:
    people = accounts(80)
    people["owner"] = people["owner"].replace("Ana Costa", "Ana <i>Costa</i>")
    people.loc[people.index % 2 == 0, "name"] = NASTY
    people.loc[people.index % 4 == 1, "name"] = FORMULA
    earlier = snapshot(80, seed=2, rows=feature_rows(80), day=date(2026, 9, 1))
    return snapshot(80, accounts=people, previous=earlier).with_manifest(**PIECES)


class Page(HTMLParser):
    """Collects text, tags and addresses."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.addresses: list[str] = []
        self.ids: set[str] = set()
        self.text = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        found = dict(attrs)
        self.addresses += [value or "" for name, value in attrs if name in ("href", "src", "srcset", "action")]
        self.ids |= {found["id"] or ""} if "id" in found else set()

    def handle_data(self, data: str) -> None:
        self.text += data


def test_the_page_shows_names_literally_and_takes_nothing_from_elsewhere(made: HeldList) -> None:
    html = render_page(made)
    page = Page(html)
    assert NASTY in page.text
    assert "49" not in re.findall(r"Söhne.{0,40}", page.text)[0]
    assert "<i>Costa" not in html
    assert "Ana <i>Costa</i>" in page.text
    assert not {"script", "link", "img", "iframe"} & set(page.tags)
    assert all(address.startswith("#") for address in page.addresses)
    assert {address[1:] for address in page.addresses} <= page.ids
    assert "url(" not in html
    assert '<html lang="en">' in html


def test_each_row_of_the_page_has_what_a_csm_needs(made: HeldList) -> None:
    text = " ".join(Page(render_page(made)).text.split())
    first = entries.ranked(made, 1)[0]
    for part in (first.name, first.owner or "no owner", first.motion, first.play, formats.say_day(first.act_by)):
        assert part in text
    assert formats.say_propensity(first.propensity) in text
    assert all(why.text in text for why in entries.best_reasons(first))
    assert "Fix first" in text
    assert "Already in the funnel" in text
    assert re.search(r"\d accounts have no owner", text)
    assert "The table “tickets” seems to have stopped" in text
    assert "Model headroom/7 · run run-1" in text


def test_a_list_of_nobody_and_a_list_of_one_are_pages_too() -> None:
    nobody = snapshot(5, rows=feature_rows(5).assign(critical_tickets_open=1.0))
    assert "No account passed the gates." in render_page(nobody)
    rows = feature_rows(1).assign(tenure_days=400.0, seat_utilization_28d=0.9, csat_182d=float("nan"))
    html = render_page(snapshot(1, rows=rows.assign(competitor_research_182d=0.0)))
    assert "The one account" in html


def test_feeds_that_stopped_are_named_and_others_are_not(made: HeldList) -> None:
    marks = {"a": date(2026, 9, 30), "b": "2026-09-23", "plans": None}
    found = feeds(made.with_manifest(input_watermarks=marks, stopped_feeds=["b"]))
    assert [(feed.table, feed.last_day, feed.stale) for feed in found] == [
        ("a", date(2026, 9, 30), False),
        ("b", date(2026, 9, 23), True),
        ("plans", None, False),
    ]


@pytest.mark.parametrize(
    ("value", "said"), [(0.344, "34%"), (0.0551, "6%"), (0.004, "under 1%"), (0.995, "over 99%"), (0.01, "1%")]
)
def test_propensities_in_words(value: float, said: str) -> None:
    assert formats.say_propensity(value) == said


@pytest.mark.parametrize(
    ("value", "said"),
    [(0.4, "€0"), (950.4, "€950"), (9_999, "€9,999"), (74_200, "€74k"), (999_499, "€999k"), (1_250_000, "€1.2M")],
)
def test_amounts_in_words(value: float, said: str) -> None:
    assert entries.say_money(value, "€") == said


def test_the_change_of_rank_is_told(made: HeldList) -> None:
    told = {entry.change.split(" ")[0] for entry in entries.ranked(made)}
    assert told <= {"up", "down", "same", "was", "new"}
    assert {"up", "down"} <= told
    assert {entry.change for entry in entries.ranked(snapshot(20))} == {""}


def test_the_last_of_three_reasons_gives_way_to_one_that_can_be_acted_on() -> None:
    first = entries.ranked(snapshot(20), 1)[0]
    why = [entries.Why(f"w{n}", f"reason {n}", "for", actionable=n == 4) for n in range(5)]
    assert [w.title for w in entries.best_reasons(replace(first, reasons=tuple(why)))] == ["w0", "w1", "w4"]
    against = replace(why[4], effect="against")
    assert [w.title for w in entries.best_reasons(replace(first, reasons=(*why[:2], against)))] == ["w0", "w1", "w4"]


def test_the_workbook_holds_the_list_and_no_formula(tmp_path: Path, made: HeldList) -> None:
    write_workbook(tmp_path / "list.xlsx", made)
    book = openpyxl.load_workbook(tmp_path / "list.xlsx")
    assert book.sheetnames == ["Top 20", "All ranked", "Fix first", "Reasons", "About"]
    top, everyone = book["Top 20"], book["All ranked"]
    ranked = int(made.scores()["eligible"].sum())
    assert (top.max_row, everyone.max_row) == (21, ranked + 1)
    assert book["Fix first"].max_row == len(made.exclusions()) + 1
    assert top["A2"].value == 1
    assert top["F2"].number_format == "0.0%"
    assert top["G2"].number_format == '"$"#,##0'
    assert top["H2"].is_date
    assert top.freeze_panes == "A2"
    assert top.auto_filter.ref == "A1:V21"
    names = {row[1].value for row in everyone.iter_rows(min_row=2)}
    assert {NASTY, FORMULA} <= names
    assert all(cell.data_type != "f" for sheet in book for row in sheet.iter_rows() for cell in row)
    assert all(cell.hyperlink is None for row in everyone.iter_rows() for cell in row)


def test_a_large_workbook_is_cut_and_says_so(tmp_path: Path) -> None:
    made = snapshot(80, settings=ServingSettings(workbook_rows=20))
    write_workbook(tmp_path / "list.xlsx", made)
    book = openpyxl.load_workbook(tmp_path / "list.xlsx")
    assert book["All ranked"].max_row == 21
    about = {row[0].value: row[1].value for row in book["About"].iter_rows()}
    assert about["In this file"].startswith(f"20 of {int(made.scores()['eligible'].sum())} ranked")


def printed(made: HeldList, monkeypatch: pytest.MonkeyPatch, *given: object, columns: int = 100) -> str:
    monkeypatch.setenv("COLUMNS", str(columns))
    out = io.StringIO()
    print_top(made, *given, file=out)
    return out.getvalue()


def test_the_terminal_list_fits_a_hundred_columns_and_interprets_nothing(
    made: HeldList, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = printed(made, monkeypatch, 20)
    assert max(len(line) for line in text.splitlines()) <= 100
    assert "[red]" in text
    assert "Ready to grow on 1 Oct 2026  20 shown" in text
    assert "Set apart:" in text


@pytest.mark.parametrize("top", [3, 20])
def test_the_terminal_shows_as_many_as_the_page(top: int, monkeypatch: pytest.MonkeyPatch) -> None:
    assert f"  {top} shown" in printed(snapshot(settings=ServingSettings(top=top)), monkeypatch)


def test_the_terminal_list_of_one_owner(made: HeldList, monkeypatch: pytest.MonkeyPatch) -> None:
    text = printed(made, monkeypatch, 3, "dana lee")
    assert "3 shown of dana lee" in text
    assert text.count("Dana Lee") == 3
    with pytest.raises(SettingsError, match="Show the list of Nobody"):
        printed(made, monkeypatch, 3, "Nobody")


def test_the_owner_is_found_however_the_name_is_typed(made: HeldList, monkeypatch: pytest.MonkeyPatch) -> None:
    assert printed(made, monkeypatch, 20, "björn ek") == printed(made, monkeypatch, 20, "  BJÖRN   EK ").replace(
        "  BJÖRN   EK ", "björn ek"
    )


WARNINGS = ["The data ends on 1 Sep 2026.", "Trust the [red]order\x1b[31m[/red], not the percentages."]


def test_every_form_of_the_list_shows_its_warnings(
    tmp_path: Path, made: HeldList, monkeypatch: pytest.MonkeyPatch
) -> None:
    warned = made.with_manifest(warnings=WARNINGS)
    lines = printed(warned, monkeypatch, 3).splitlines()
    assert lines[-2] == f"Note: {WARNINGS[0]}"
    assert lines[-1].startswith("Note: Trust the [red]order")
    assert "\x1b" not in lines[-1]
    assert "Note:" not in printed(made, monkeypatch, 3)
    write_workbook(tmp_path / "list.xlsx", made.with_manifest(warnings=WARNINGS[:1]))
    about = openpyxl.load_workbook(tmp_path / "list.xlsx")["About"]
    assert ("Note", WARNINGS[0]) in {(row[0].value, row[1].value) for row in about.iter_rows()}
    assert WARNINGS[0] in render_page(warned)


def test_control_characters_in_a_name_do_not_reach_the_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    people = accounts(30).assign(name="Ev\x1b[2Jil\r\nInc")
    text = printed(snapshot(30, accounts=people), monkeypatch, 20)
    assert "\x1b" not in text
    assert "\r" not in text


def test_the_shipped_files_are_beside_the_code() -> None:
    assert SHIPPED.exists()
    assert Path(serving.render.html.__file__).with_name("templates").joinpath("list.html.j2").exists()


def test_a_missing_name_or_segment_is_no_hole(monkeypatch: pytest.MonkeyPatch) -> None:
    people = pd.DataFrame({"account_id": accounts(20)["account_id"]})
    made = snapshot(20, accounts=people)
    assert made.scores()["name"].tolist() == people["account_id"].tolist()
    assert "acc-00" in printed(made, monkeypatch, 5)
    assert "nan" not in render_page(made).casefold().replace("nance", "")


def test_scores_without_propensities_by_motion_still_name_a_motion() -> None:
    rows = feature_rows(20)
    scores, _ = scored(rows, per_motion=False)
    assert "propensity_seat" not in scores
    made = snapshot(20, rows=rows, per_motion=False)
    assert made.scores()["propensity_seat"].isna().all()
    assert made.scores()["motion"].isin(["seat", "upsell", "cross_sell", "usage"]).all()
    assert (made.scores()["snapshot_date"] == DAY).all()


def test_a_cross_sell_names_its_product_and_every_amount_its_range() -> None:
    told = entries.ranked(snapshot(60))
    products = {entry.motion for entry in told if entry.motion.startswith("Cross-sell")}
    assert products == {"Cross-sell: <b>Chat</b>"}
    page = render_page(snapshot(60))
    assert "Cross-sell: &lt;b&gt;Chat&lt;/b&gt;" in page
    assert "<b>Chat" not in page
    mean, low, high = told[0].arr_if_expands
    assert low < mean < high
    currency = snapshot(60).manifest["serving"]["currency"]
    assert f"if it expands, {entries.say_range(low, high, currency)}" in page
    assert entries.say_motion("cross_sell", None) == "Cross-sell"
    assert entries.say_motion("seat", "Analytics") == "Seats"
    assert entries.say_range(float("nan"), float("nan"), "€") == ""


def test_what_the_ranked_are_expected_to_add_has_an_interval(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = snapshot(60)
    scores = made.scores().query("eligible")
    low, high = ARR_DOUBT.of_sum(scores["expected_arr"].to_numpy(), scores["arr_if_expands"].to_numpy())
    total = pytest.approx(scores["expected_arr"].sum())
    assert made.manifest["expected_arr"] == {"sum": total, "low": low, "high": high}
    between = entries.say_range(low, high, "$")
    assert f"four times in five it comes to {between}" in render_page(made)
    assert f"({between} four times in five)" in printed(made, monkeypatch, 5)
    write_workbook(tmp_path / "list.xlsx", made)
    book = openpyxl.load_workbook(tmp_path / "list.xlsx")
    about = {row[0].value: row[1].value for row in book["About"].iter_rows()}
    assert about["Expected ARR of the ranked"].endswith(between)
    first = entries.ranked(made, 1)[0]
    cells = {cell.value: book["Top 20"].cell(2, cell.column).value for cell in book["Top 20"][1]}
    assert (cells["Expected ARR: from"], cells["Expected ARR: to"]) == pytest.approx(first.expected_range)
    assert cells["Expected ARR: from"] < cells["Expected ARR"] < cells["Expected ARR: to"]


@pytest.mark.parametrize("said", [None, {"sum": 1.0, "low": None, "high": None}])
def test_a_list_without_the_interval_says_nothing_of_it(
    monkeypatch: pytest.MonkeyPatch, said: dict[str, object] | None
) -> None:
    made = snapshot(60).with_manifest(expected_arr=said)
    assert "four times in five" not in render_page(made) + printed(made, monkeypatch, 5)
    assert "Expected ARR of the ranked" in printed(made, monkeypatch, 5)
    assert snapshot(60, arr_doubt=None).manifest["expected_arr"]["low"] is None
