import io
import re
from dataclasses import replace
from datetime import date
from html.parser import HTMLParser
from pathlib import Path

import openpyxl
import pandas as pd
import pytest
from markupsafe import escape
from openpyxl.utils import column_index_from_string

import serving.render.html
from data.errors import SettingsError
from serving.ranking.amounts import say_money
from serving.reasons import formats
from serving.reasons.formats import say_propensity
from serving.reasons.playbook import SHIPPED
from serving.render import entries
from serving.render.excel import write_workbook
from serving.render.html import feeds, points, render_page, say_use
from serving.render.likelihood import RANGE_MEANING, say_range_of
from serving.render.orders import Order
from serving.render.terminal import print_top
from serving.settings import ServingSettings
from tests.serving.web.conftest import NAMES
from tests.serving.world import ARR_DOUBT, DAY, PIECES, HeldList, accounts, feature_rows, scored, snapshot, with_context

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


def test_the_last_day_of_a_silent_feed_is_that_on_which_something_happened(made: HeldList) -> None:
    silent = {"tickets": {"last_day": "2026-09-20", "silent_days": 10, "usual_gap_days": 1}}
    marks = {"tickets": "2026-09-30", "users": "2026-09-30"}
    found = feeds(made.with_manifest(input_watermarks=marks, stopped_feeds=["tickets"], silent_feeds=silent))
    assert [(feed.last_day, feed.stale, feed.not_judged) for feed in found] == [
        (date(2026, 9, 20), True, True),
        (date(2026, 9, 30), False, False),
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
    assert say_money(value, "€") == said


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


def test_a_gate_that_this_version_has_not_is_called_by_its_code(made: HeldList) -> None:
    apart = made.exclusions().assign(not_eligible_because="gate_of_old;onboarding")
    old = made.with_tables(exclusions=apart).with_manifest(gates_not_evaluated=["gate_of_old"])
    page = Page(render_page(old))
    assert "for want of data: gate_of_old." in page.text
    assert page.text.count("gate_of_old") > 1
    assert entries.excluded(apart.head(1))[0].because[0] == "gate_of_old"


def test_the_workbook_holds_the_list_and_no_formula(tmp_path: Path, made: HeldList) -> None:
    write_workbook(tmp_path / "list.xlsx", made)
    book = openpyxl.load_workbook(tmp_path / "list.xlsx")
    sheets = ["Most likely", "Most at stake", "All ranked", "Fix first", "Plays", "Reasons", "About"]
    assert book.sheetnames == sheets
    top, everyone = book["Most likely"], book["All ranked"]
    ranked = int(made.scores()["eligible"].sum())
    assert (top.max_row, everyone.max_row) == (21, ranked + 1)
    assert book["Fix first"].max_row == len(made.exclusions()) + 1
    assert top["A2"].value == 1
    assert top["F2"].number_format == "0.0%"
    assert top["G2"].number_format == '"$"#,##0'
    assert top["H2"].is_date
    assert top.freeze_panes == "A2"
    assert top.auto_filter.ref == "A1:AH21"
    assert book["Plays"].max_row == len(made.manifest["plays"]) + 1
    assert [book["Most at stake"].cell(row, 1).value for row in (2, 21)] == [1, 20]
    (choice,) = top.data_validations.dataValidation
    assert (choice.formula1, str(choice.sqref)) == ('"under way,won,lost,not now"', "K2:K21")
    names = {row[1].value for row in everyone.iter_rows(min_row=2)}
    assert {NASTY, FORMULA} <= names
    assert all(cell.data_type != "f" for sheet in book for row in sheet.iter_rows() for cell in row)
    assert all(cell.hyperlink is None for row in everyone.iter_rows() for cell in row)


def test_a_printed_sheet_is_one_page_wide_and_readable(tmp_path: Path, made: HeldList) -> None:
    """A4 across with small margins holds some 150 letters of 11 points; two in three of that is 7.5 points."""
    write_workbook(tmp_path / "list.xlsx", with_context(made))
    for sheet in openpyxl.load_workbook(tmp_path / "list.xlsx"):
        last = re.search(r":\$?([A-Z]+)", sheet.print_area.split("!")[-1])[1]
        widths = [sheet.column_dimensions[cell.column_letter].width for cell in sheet[1]]
        assert sum(widths[: column_index_from_string(last)]) <= 215, sheet.title
        assert (sheet.page_setup.orientation, sheet.page_setup.fitToHeight) == ("landscape", 0)
        assert sheet.sheet_properties.pageSetUpPr.fitToPage
        assert sheet.print_title_rows


def test_no_cell_holds_what_is_not_known(tmp_path: Path, made: HeldList) -> None:
    write_workbook(tmp_path / "list.xlsx", with_context(made))
    for sheet in openpyxl.load_workbook(tmp_path / "list.xlsx"):
        cells = {str(cell.value) for row in sheet.iter_rows() for cell in row if cell.value is not None}
        assert not cells & {"None", "nan", "NaN", "NaT", "null", "<NA>"}


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


@pytest.mark.parametrize("columns", [80, 100])
def test_the_terminal_list_fits_its_columns_and_interprets_nothing(
    made: HeldList, monkeypatch: pytest.MonkeyPatch, columns: int
) -> None:
    text = printed(made, monkeypatch, 20, columns=columns)
    assert max(len(line) for line in text.splitlines()) <= columns
    assert "[red]" in text
    assert "Ready to grow on 1 Oct 2026, most likely first\n20 shown" in text
    assert "Set apart:" in text


def test_what_to_mind_of_an_account_stands_in_the_workbook_and_in_the_terminal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = snapshot(60)
    scores, of = made.scores(), int(made.scores()["eligible"].sum())
    first = scores["rank"] == 1
    silent = "Not known and not judged: use (region Łódź [red]north[/red] stopped) since 3 Mar 2026."
    told = made.with_tables(
        scores=scores.assign(
            not_judged=scores["not_judged"].mask(first, silent), stake_rank=scores["stake_rank"].mask(first, of)
        )
    )
    notes = f"{silent} Likely, with little at stake: place {of} of {of} by expected ARR."
    write_workbook(tmp_path / "list.xlsx", told)
    sheet = openpyxl.load_workbook(tmp_path / "list.xlsx")["All ranked"]
    note = [cell.value for cell in sheet[1]].index("Note") + 1
    assert (sheet.cell(2, note).value or "").split()[: len(notes.split())] == notes.split()
    text = printed(told, monkeypatch, 1, columns=80)
    assert max(len(line) for line in text.splitlines()) <= 80
    assert f"! {' ! '.join(entries.ranked(told, 1)[0].notes)}" in " ".join(text.split())


def test_long_names_fit_eighty_columns_too_and_reasons_are_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    people = accounts(60).assign(name="Kraftwerk " + "W" * 130, owner="Maximiliane-Charlotte " * 9, segment="a_" * 60)
    made = with_context(snapshot(60, accounts=people)).with_manifest(warnings=["Trust " * 40])
    text = printed(made, monkeypatch, 60, columns=80)
    assert max(len(line) for line in text.splitlines()) <= 80
    words = text.split()
    for entry in entries.ranked(made):
        for why in entries.best_reasons(entry):
            assert why.text.split()[-1] in words
    assert max(len(line) for line in printed(made, monkeypatch, 9, people["owner"][0], columns=80).splitlines()) <= 80


def test_the_terminal_has_both_orders_and_says_what_it_leaves_out(monkeypatch: pytest.MonkeyPatch) -> None:
    made = snapshot(80, settings=ServingSettings(max_per_motion=1))
    text = printed(made, monkeypatch, 20, None, Order.STAKE)
    assert "most at stake first" in text
    assert "beyond 1 of one motion" in " ".join(text.split())
    first = made.scores("name", "stake_rank").set_index("stake_rank")["name"][1]
    assert text.split("\n\n")[1].strip().split("  ")[0].split(" ", 1)[1].startswith(first)


@pytest.mark.parametrize("top", [3, 20])
def test_the_terminal_shows_as_many_as_the_page(top: int, monkeypatch: pytest.MonkeyPatch) -> None:
    assert f"\n{top} shown" in printed(snapshot(settings=ServingSettings(top=top)), monkeypatch)


def test_the_terminal_list_of_one_owner(made: HeldList, monkeypatch: pytest.MonkeyPatch) -> None:
    text = printed(made, monkeypatch, 3, "dana lee")
    book = made.scores("owner", "eligible").query("owner == 'Dana Lee'")
    counted = f"3 shown of dana lee, {book['eligible'].sum()} ranked of {len(book)} customers"
    assert counted in text
    apart = [int(number) for number in re.findall(r"(\d+) (?:fix|in the|not now)", text.split("Set apart: ")[1])]
    assert sum(apart) == len(book) - book["eligible"].sum()
    with pytest.raises(SettingsError, match="Show the list of Nobody"):
        printed(made, monkeypatch, 3, "Nobody")


def test_the_owner_is_found_however_the_name_is_typed(made: HeldList, monkeypatch: pytest.MonkeyPatch) -> None:
    assert printed(made, monkeypatch, 20, "björn ek") == printed(made, monkeypatch, 20, "  BJÖRN   EK ").replace(
        "  BJÖRN   EK ", "björn ek"
    )


def told_of(play: dict[str, object]) -> HeldList:
    """A list whose plays all have these parts instead of their own."""
    made = with_context(snapshot(40))
    return made.with_manifest(plays={code: {**old, **play} for code, old in made.manifest["plays"].items()})


def test_a_row_says_what_the_account_has_and_what_to_say_first() -> None:
    made = with_context(snapshot(60))
    told = [entry for entry in entries.ranked(made) if entry.plan]
    unknown = next(entry for entry in entries.ranked(made) if not entry.plan)
    entry = replace(told[0], plan="Team plus", seats=1.0, arr=18_240.0, renews_on=date(2027, 3, 3))
    assert entries.context(entry, "€") == ["Team plus", "1 seat", "€18k ARR", "renews 3 Mar 2027"]
    assert entries.context(unknown, "€") == []
    assert (unknown.opening, unknown.use_by_week) == (None, ())
    text = " ".join(Page(render_page(made)).text.split())
    for part in (f"Say: {told[0].opening}", f"{told[0].seats:,.0f} seats", formats.say_day(told[0].renews_on)):
        assert part in text
    assert "Team plus" in text
    several = replace(entry, plan="Core starter, API addon")
    assert entries.context(several, "€")[:2] == ["Core starter", "API addon"]
    assert "Starter" in text
    assert "API addon" in text
    assert not re.search(r"\b(None|NaN|nan|null|NaT)\b", text)
    assert 'aria-label="use: up over the last 13 weeks"' in render_page(made)


def test_of_the_reasons_those_are_shown_that_a_csm_sees() -> None:
    made = with_context(snapshot(40), shown=2)
    assert {len(entries.best_reasons(entry)) for entry in entries.ranked(made)} == {2}
    first = entries.ranked(made, 1)[0]
    why = (replace(first.reasons[0], effect="against"), replace(first.reasons[1], shown=False))
    assert [w.mark for w in entries.best_reasons(replace(first, reasons=why))] == ["−"]


def test_the_mark_stands_for_the_word_before_a_reason() -> None:
    made = with_context(snapshot(60), shown=9)
    told = {(why.effect, why.mark) for entry in entries.ranked(made) for why in entries.best_reasons(entry)}
    assert told == {("for", "+"), ("against", "−")}
    assert not any("Against:" in why.text for entry in entries.ranked(made) for why in entry.reasons)
    page = render_page(made)
    assert '<span class="heard">Against: </span>' in page
    assert "Against:" not in page.replace('<span class="heard">Against: </span>', "")


def test_a_play_without_a_motion_is_a_check_in() -> None:
    made = told_of({"motion": None})
    assert {entry.motion for entry in entries.ranked(made)} == {"Check in"}
    assert '<span class="motion">Check in</span>' in render_page(made)


def test_a_play_of_several_texts_is_shown_without_its_placeholders() -> None:
    not_when = [{"when": "seats > 1", "text": "The {seats:count} seats are lent."}, {"when": None, "text": "It rains."}]
    page = render_page(told_of({"words": [{"when": None, "text": "{seats:count} seats."}], "not_when": not_when}))
    assert "{seats" not in page
    assert "It rains." in page
    assert "lent" not in page


def test_codes_are_said_as_people_write_them() -> None:
    for code, said in {
        "mid_market": "Mid market", "mid-market": "Mid-market", "smb": "SMB", "Enterprise": "Enterprise",
        "api_addon": "API addon", "crm sso": "CRM SSO", "emea": "EMEA", "ai_notes": "AI notes", "iPaaS": "IPaaS",
    }.items():  # fmt: skip
        assert formats.say_name(code) == said


@pytest.mark.parametrize(
    ("weeks", "said"),
    [
        ([10.0] * 13, "use: steady over the last 13 weeks"),
        ([*range(13)], "use: up over the last 13 weeks"),
        ([*range(13, 0, -1)], "use: down over the last 13 weeks"),
        ([0.0] * 13, "use: none over the last 13 weeks"),
        ([100, 100, 100, 100, 0, 0, 0, 0, 0, 108, 108, 108, 108], "use: steady over the last 13 weeks"),
    ],
)
def test_use_by_week_in_words(weeks: list[float], said: str) -> None:
    assert say_use(weeks) == said


def test_use_by_week_as_a_line() -> None:
    assert points([0, 5, 10]) == "2.0,20.0 52.0,11.0 102.0,2.0"
    assert points([0, 10], is_area=True) == "2.0,20.0 2.0,20.0 102.0,2.0 102.0,20.0"
    assert points([0.0, 0.0]) == "2.0,20.0 102.0,20.0"
    assert points([7.0]) == "2.0,2.0"


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


def test_a_name_of_any_kind_is_letters_in_the_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """Markup, quotes, formulas, controls, marks that turn the direction, and 300 letters."""
    names = ["Ev\x1b[2Jil\r\nInc", *NAMES.values()]
    people = accounts(30).assign(name=[names[place % len(names)] for place in range(30)])
    lines = printed(snapshot(30, accounts=people), monkeypatch, 30).split("\n")
    assert [line for line in lines if not line.isprintable()] == []
    assert max(map(len, lines)) <= 100
    shown = "".join("".join(lines).split())
    assert all(letters in shown for letters in ("<b>Bold</b>", "=HYPERLINK", "O'Neil", "+49", "-cmd|", "{{7*7}}"))


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
    assert f"{entries.say_range(low, high, currency)} if it expands" in page
    assert entries.say_motion("cross_sell", None) == "Cross-sell"
    assert entries.say_motion("seat", "Analytics") == "Seats"
    assert entries.say_range(float("nan"), float("nan"), "€") == ""


def test_a_likelihood_has_its_range_on_page_sheet_and_terminal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, made: HeldList
) -> None:
    first = entries.ranked(made, 1)[0]
    between = say_range_of(*first.likely_range)
    assert between == f"{say_propensity(0.8 * first.propensity)} to {say_propensity(0.2 + 0.8 * first.propensity)}"
    assert f"<span>{between}</span>" in render_page(made)
    assert f"{say_propensity(first.propensity)} likely ({between}), " in printed(made, monkeypatch, 5)
    write_workbook(tmp_path / "list.xlsx", made)
    sheet = openpyxl.load_workbook(tmp_path / "list.xlsx")["Most likely"]
    cells = {cell.value: sheet.cell(2, cell.column).value for cell in sheet[1]}
    assert (cells["Likely: from"], cells["Likely: to"]) == pytest.approx(first.likely_range)


def test_a_list_of_before_ranges_says_nothing_of_them(made: HeldList, monkeypatch: pytest.MonkeyPatch) -> None:
    nothing = dict.fromkeys(entries.LIKELY_RANGE, float("nan"))
    older = made.with_tables(scores=made.scores().assign(**nothing))
    assert "% to " not in printed(older, monkeypatch, 5)
    assert f"{say_propensity(entries.ranked(older, 1)[0].propensity)} likely, " in printed(older, monkeypatch, 5)


def test_what_the_ranked_are_expected_to_add_has_an_interval(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = snapshot(60)
    scores = made.scores().query("eligible")
    low, high = ARR_DOUBT.of_sum(scores["expected_arr"].to_numpy(), scores["arr_if_expands"].to_numpy())
    total = pytest.approx(scores["expected_arr"].sum())
    assert made.manifest["expected_arr"] == {"sum": total, "low": low, "high": high}
    between = entries.say_range(low, high, "$")
    assert f"{between} four times in five" in render_page(made)
    assert f"({between} four times in five)" in printed(made, monkeypatch, 5)
    write_workbook(tmp_path / "list.xlsx", made)
    book = openpyxl.load_workbook(tmp_path / "list.xlsx")
    about = {row[0].value: row[1].value for row in book["About"].iter_rows()}
    assert about["Expected ARR of the ranked"].endswith(between)
    first = entries.ranked(made, 1)[0]
    sheet = book["Most likely"]
    cells = {cell.value: sheet.cell(2, cell.column).value for cell in sheet[1]}
    assert (cells["Expected ARR: from"], cells["Expected ARR: to"]) == pytest.approx(first.expected_range)
    assert cells["Expected ARR: from"] < cells["Expected ARR"] < cells["Expected ARR: to"]


@pytest.mark.parametrize("said", [None, {"sum": 1.0, "low": None, "high": None}])
def test_a_list_without_the_interval_says_nothing_of_it(
    monkeypatch: pytest.MonkeyPatch, said: dict[str, object] | None
) -> None:
    made = snapshot(60).with_manifest(expected_arr=said)
    shown = render_page(made).replace(RANGE_MEANING, "") + printed(made, monkeypatch, 5)  # of propensities it is known
    assert "four times in five" not in shown
    assert "Expected ARR of the ranked" in printed(made, monkeypatch, 5)
    assert snapshot(60, arr_doubt=None).manifest["expected_arr"]["low"] is None


def test_the_triggers_of_its_motion_stand_under_the_reasons_of_a_row(made: HeldList) -> None:
    page = render_page(made)
    told = entries.entries(
        made, made.scores().dropna(subset="rank").sort_values("rank")["account_id"].head(20).tolist()
    )
    assert sum(len(entry.firing) for entry in told) > 5
    of_accounts = made.frames["triggers"].set_index("account_id")
    motions = made.scores().set_index("account_id")["motion"]
    for entry in told:
        fires = of_accounts[of_accounts.index == entry.account_id]
        speaks = fires[fires["motion"].isna() | (fires["motion"] == motions[entry.account_id])]
        assert sorted(firing.code for firing in entry.firing) == sorted(speaks["trigger_code"])
        for firing in entry.firing:
            assert firing.said.startswith(speaks.set_index("trigger_code")["text"][firing.code])
        told = [(why.story, why.effect) for why in entries.best_reasons(entry)]
        further = entries.further_firing(entry)
        stories = [(firing.story, firing.effect) for firing in further]
        assert len({*told, *stories}) == len({*told}) + len(stories)
        assert {(firing.story, firing.effect) for firing in entry.firing} <= {*told, *stories}
        for firing in further:
            assert str(escape(firing.said)) in page
