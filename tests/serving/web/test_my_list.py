"""My list: filters, orders, tiles and exports agree with a plain computation on the published tables."""

import csv
import io
import re
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from html import unescape
from pathlib import Path
from urllib.parse import unquote, urlencode

import numpy as np
import openpyxl
import pandas as pd
import pytest
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from data.contract.outputs import NO_OWNER
from serving.outcomes.outcome import RecordedOutcome
from serving.outcomes.states import AccountState
from serving.published.read import PublishedList
from serving.render.likelihood import say_range_of
from serving.web.export import COLUMNS, as_csv
from serving.web.index import ListIndex
from serving.web.pages.my_list import all_rows, my_list, say_state
from serving.web.query import ListQuery, account_address
from tests.serving.web.conftest import IDS, NAMES, SETTINGS, TODAY, DrawnWork, OwnersSight, desk, plain
from tests.serving.world import DAY, OWNERS

ROW_LINK = re.compile(r'class="name"><a href="/accounts(?:/|\?id=)([^"#]+)"')
LINK = re.compile(r'class="name"><a href="([^"]+)"')
STATES = {"acc-0020": "won", "acc-0021": "working", "acc-0022": "won", "acc-0023": "lost"}
EDGES = [(0.6, "very likely"), (0.3, "likely"), (0.1, "possible"), (0.0, "unlikely")]


def shown_in(page: str) -> list[str]:
    """The ids of the accounts on a page, in their order."""
    return [unquote(unescape(found)) for found in ROW_LINK.findall(page)]


def rows_of(answer: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(answer.removeprefix("\ufeff"))))


def plainly(out: Path, listing: PublishedList) -> pd.DataFrame:
    """Each account of the base by plain pandas: what can be filtered, and the ranks."""
    scores = plain(out, "scores")
    plays = listing.manifest["plays"]
    band = [next(word for edge, word in EDGES if value >= edge) for value in scores.propensity]
    kind = [m if plays[p].get("motion") else "check_in" for m, p in zip(scores.motion, scores.play, strict=True)]
    return scores.assign(band=band, motion=kind, owner=scores.owner.fillna(NO_OWNER))


FILTERS = {
    "owner": st.sampled_from(["", NO_OWNER, *OWNERS, "Nobody"]),
    "segment": st.sampled_from(["", "SMB", "mid-market"]),
    "motion": st.sampled_from(["", "seat", "upsell", "cross_sell", "check_in"]),
    "band": st.sampled_from(["", *(word for _, word in EDGES)]),
    "state": st.sampled_from(["", "open", "won", "lost"]),
    "q": st.sampled_from(["", "bank", "BRIGHT", "o'neil", "acc-01", "<b>", "50%", "nothing like it"]),
    "show": st.sampled_from(["ranked", "apart", "all"]),
    "sort": st.sampled_from(["", "likelihood", "stake", "name", "owner", "renewal", "act_by", "trend"]),
}


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(asked=st.fixed_dictionaries(FILTERS))
def test_filters_and_tiles_are_those_of_plain_pandas(
    asked: dict[str, str], out: Path, listing: PublishedList, index: ListIndex
) -> None:
    through = plainly(out, listing)
    for name in ("owner", "segment", "motion", "band"):
        through = through[(through[name] == asked[name]) | (asked[name] == "")]
    if asked["state"]:
        through = through[through.account_id.map(STATES).fillna("open") == asked["state"]]
    found_in = through.name.str.casefold() + "\n" + through.account_id.str.casefold()
    through = through[found_in.str.contains(asked["q"].casefold(), regex=False)]
    ranked = through[through.eligible]
    expected = {"ranked": ranked, "apart": through[~through.eligible], "all": through}[asked["show"]]

    page = my_list(index, ListQuery.model_validate(asked), desk(DrawnWork(STATES)), 20)
    listed = index.ids.take(all_rows(index, page.query, desk(DrawnWork(STATES)))).to_pylist()
    assert sorted(listed) == sorted(expected.account_id)
    assert (page.found, page.pages) == (len(expected), max(-(-len(expected) // 20), 1))
    assert [row.account_id for row in page.rows] == listed[:20]
    tiles = page.tiles
    assert (tiles.ranked, tiles.apart) == (len(ranked), len(through) - len(ranked))
    assert tiles.expected_arr == pytest.approx(ranked.expected_arr.sum())
    whole, is_whole = listing.manifest["expected_arr"], len(ranked) == listing.manifest["ranked"]
    assert (tiles.expected_range == (whole["low"], whole["high"])) == is_whole
    assert {tile.code: tile.count for tile in tiles.bands if tile.count} == dict(Counter(ranked.band))
    assert {tile.code: tile.count for tile in tiles.motions} == dict(Counter(ranked.motion))
    days = (pd.to_datetime(ranked.renews_on) - pd.Timestamp(DAY)).dt.days
    assert tiles.renewals == days.between(0, 89).sum()


@pytest.mark.parametrize(
    ("sort", "columns", "rising"),
    [
        ("likelihood", ["rank"], True),
        ("stake", ["stake_rank"], True),
        ("renewal", ["renews_on", "rank"], True),
        ("act_by", ["act_by", "rank"], True),
    ],
)
def test_orders_are_those_of_the_tables(
    client: TestClient, out: Path, sort: str, columns: list[str], rising: bool
) -> None:
    scores = plain(out, "scores")
    expected = scores[scores.eligible].sort_values(columns, ascending=rising).account_id.tolist()
    assert [row["Account id"] for row in rows_of(client.get(f"/export.csv?sort={sort}").text)] == [
        f"'{account}" if account.startswith(tuple("=+-@")) else account for account in expected
    ]


def test_the_number_is_the_place_in_the_order_that_is_shown(client: TestClient, out: Path) -> None:
    scores = plain(out, "scores").set_index("account_id")
    for sort, column in (("likelihood", "rank"), ("stake", "stake_rank"), ("name", "rank")):
        rows = rows_of(client.get(f"/export.csv?sort={sort}").text)
        assert [int(row["No."]) for row in rows] == [scores.loc[row["Account id"], column] for row in rows]


@pytest.mark.parametrize(("query", "is_told"), [("", True), ("?page=2&sort=name", True), ("?owner=Ana+Costa", False)])
def test_what_comes_of_all_that_are_ranked_has_an_interval(client: TestClient, query: str, is_told: bool) -> None:
    tile = re.findall(r"<dt>Expected ARR</dt><dd>(.*?)</dd>", client.get(f"/{query}").text)
    assert len(tile) == 1
    assert ("four times in five" in tile[0]) is is_told


def test_every_page_holds_the_next_accounts_and_no_account_twice(client: TestClient) -> None:
    everyone = [row["Account id"] for row in rows_of(client.get("/export.csv").text)]
    pages = [shown_in(client.get(f"/?page={page}").text) for page in range(1, len(everyone) // 20 + 2)]
    assert [account for page in pages for account in page] == everyone
    assert shown_in(client.get("/?page=9999").text) == pages[-1]


@pytest.mark.parametrize("query", ["", "?page=2", "?show=all&sort=name", "?owner=Ana+Costa&band=unlikely", "?q=zzz"])
def test_a_csv_file_is_what_is_shown(client: TestClient, query: str) -> None:
    page = client.get(f"/{query}").text
    rows = rows_of(client.get(f"/export.csv{query or '?page=1'}").text)
    assert [row["Account id"] for row in rows][: SETTINGS.page_rows] == shown_in(page)
    for row in rows[: SETTINGS.page_rows]:
        assert row["Act by"] > "2026-10-01" or row["Gates"]
        assert f"{row['In words']}" in page


def test_a_row_says_that_its_day_to_act_has_passed(client_of: Callable[..., TestClient], out: Path) -> None:
    days = plain(out, "scores").query("rank <= 20")["act_by"]
    for today in (TODAY, min(days), max(days), max(days) + timedelta(days=1)):
        pages = client_of(today=lambda today=today: today)
        assert pages.get("/").text.count(", which has passed<") == (days < today).sum()
    account = plain(out, "scores").set_index("rank").account_id[1]
    assert ", which has passed</dd>" in pages.get(account_address(account)).text


ALWAYS = {"No.", "Was", "Account", "Owner", "Segment", "Renews on", "Last contact", "Account id"}
OF_LIKELY = {"Likely", "Likely: from", "Likely: to", "In words", "Trend", "Expected ARR"}
OF_PLAY = {"Motion", "Play", "Act by", "Set apart", "Gates", "State"}


@pytest.mark.parametrize(
    ("query", "more"),
    [
        ("?columns=contact", set()),
        ("?columns=amount&columns=renewal", {"Expected ARR"}),
        ("?columns=likely&columns=state", {*OF_LIKELY, "State"}),
        ("?columns=play", OF_PLAY),
        ("", {*OF_LIKELY, *OF_PLAY, "Why", "Likelihood and money", "Not judged"}),
    ],
)
def test_a_file_has_the_columns_that_are_shown(client: TestClient, query: str, more: set[str]) -> None:
    told = client.get(f"/export.csv{query}").text
    assert set(rows_of(told)[0]) == ALWAYS | more
    sheet = openpyxl.load_workbook(io.BytesIO(client.get(f"/export.xlsx{query}").content))["List"]
    assert [cell.value for cell in sheet[1]] == list(rows_of(told)[0])


def test_a_file_says_all_that_a_row_says(index: ListIndex) -> None:
    shown = my_list(replace(index, previous_rank=np.roll(index.rank, 1)), ListQuery(show="all"), desk(), 1000).rows
    told = {row["Account id"]: row for row in rows_of("".join(as_csv(shown, COLUMNS)))}
    for row in shown:
        file = told[row.account_id]
        assert (file["Likelihood and money"], file["Not judged"]) == (row.at_odds, row.not_judged)
        assert file["Was"] == (row.moved.split(" from ")[-1].replace(",", "") if row.moved else "")
        assert (file["Play"], bool(file["Act by"])) == (("", False) if row.because else (row.play, bool(row.act_by)))
    for heading in ("Was", "Likelihood and money", "Gates"):
        assert any(file[heading] for file in told.values()), heading


def test_an_excel_file_is_the_csv_file(client: TestClient) -> None:
    rows = rows_of(client.get("/export.csv?show=all").text)
    answer = client.get("/export.xlsx?show=all")
    sheet = openpyxl.load_workbook(io.BytesIO(answer.content))["List"]
    headings, *cells = [list(row) for row in sheet.iter_rows(values_only=True)]
    assert headings == list(rows[0]) == [column.sheet.heading for column in COLUMNS]
    assert "attachment" in answer.headers["content-disposition"]
    assert len(cells) == len(rows)
    for row, values in zip(rows, cells, strict=True):
        told = dict(zip(headings, values, strict=True))
        assert (told["Account id"], told["In words"]) == (row["Account id"], row["In words"])
        assert told["Likely"] == pytest.approx(float(row["Likely"]))
        assert told["Account"] in {row["Account"], row["Account"].removeprefix("'")}


def test_no_cell_begins_a_formula(client: TestClient) -> None:
    rows = rows_of(client.get("/export.csv?show=all").text)
    cells = [cell for row in rows for cell in row.values()]
    assert not [cell for cell in cells if cell.lstrip().startswith(("=", "+", "-", "@", "|", "%"))]
    assert "'" + NAMES[1] in cells
    assert "'" + NAMES[6] in cells
    sheet = openpyxl.load_workbook(io.BytesIO(client.get("/export.xlsx?show=all").content))["List"]
    assert {cell.data_type for row in sheet.iter_rows() for cell in row} <= {"s", "n", "d"}


def test_more_rows_than_a_sheet_takes_are_refused_in_words(
    client_of: Callable[..., TestClient], monkeypatch: pytest.MonkeyPatch, index: ListIndex
) -> None:
    monkeypatch.setitem(index.listing.manifest["serving"], "workbook_rows", 20)
    monkeypatch.setattr("serving.web.lists.index_of", lambda listing: index)
    answer = client_of().get("/export.xlsx")
    assert answer.status_code == 400
    assert "20 at most" in answer.text


def test_a_range_that_is_not_published_is_not_shown_and_one_that_is_stands_beside_it(
    client: TestClient, index: ListIndex, monkeypatch: pytest.MonkeyPatch, client_of: Callable[..., TestClient]
) -> None:
    assert say_range_of(index.low[0], index.high[0]) in client.get("/").text
    for low, high, said in ((0.12, 0.34, ", 12% to 34%<"), (0.05, 0.34, ", 5% to 34%, not enough information<")):
        ranged = replace(index, low=np.full(len(index), low), high=np.full(len(index), high))
        monkeypatch.setattr("serving.web.lists.index_of", lambda listing, ranged=ranged: ranged)
        page = client_of().get("/").text
        assert page.count(said) == page.count('class="odds"')
    unknown = replace(index, low=np.full(len(index), np.nan), high=np.full(len(index), np.nan))
    monkeypatch.setattr("serving.web.lists.index_of", lambda listing: unknown)
    assert "% to " not in client_of().get("/").text.split("<tbody")[1].split("</tbody")[0]


def test_the_top_reason_is_the_first_that_the_play_rests_on(client: TestClient, out: Path, index: ListIndex) -> None:
    reasons, plays = plain(out, "reasons"), index.listing.manifest["plays"]
    play_of = plain(out, "scores").set_index("account_id").play
    seen = reasons[reasons.shown & (reasons.effect != "contradicts")].sort_values("position")
    leads = 0
    for row in rows_of(client.get("/export.csv").text):
        of_account = seen[seen.account_id == row["Account id"]].to_dict("records")
        play = plays[play_of[row["Account id"]]]
        asked = {condition.split()[0] for condition in play["requires"]}
        answered = [why for why in of_account if why["effect"] == "for" and why["reason_code"] in play["reasons"]]
        stated = [why for why in answered if asked & set(why["numbers_from"].split(","))]
        first = [*stated, *answered, *of_account][0]
        assert row["Why"] == first["text"].replace("For context: ", "")
        leads += first is not of_account[0]
    assert leads >= 3


ROW = RecordedOutcome(id=1, at=datetime(2026, 10, 1, 9, tzinfo=UTC), account_id="a", action="taken", who="Ana Costa")


@pytest.mark.parametrize(
    ("state", "words"),
    [
        (AccountState(), "Open"),
        (AccountState("working", DAY), "Working"),
        (AccountState("snoozed", DAY, date(2026, 12, 1)), "Snoozed until 1 Dec 2026"),
        (
            AccountState("disqualified", DAY, row=replace(ROW, action="disqualified", reason="no_budget")),
            "Disqualified: No budget",
        ),
        (AccountState("won", DAY, row=replace(ROW, action="won", arr=1200.0)), "Won"),
    ],
)
def test_where_an_account_stands_is_said_with_its_day_or_its_reason(state: AccountState, words: str) -> None:
    assert say_state(state) == words


def test_when_a_customer_was_last_talked_to_is_said_where_it_is_known(client: TestClient, out: Path) -> None:
    known = plain(out, "scores").set_index("account_id").last_contact_on
    for row in rows_of(client.get("/export.csv").text):
        day = known[row["Account id"]]
        assert row["Last contact"] == ("" if pd.isna(day) else day.isoformat())
    page = client.get("/?columns=contact").text
    shown = re.findall(r'data-label="Last contact">([^<]*)<', page)
    assert "none is known" in shown
    days = [int(match[1]) for words in shown if (match := re.search(r", (\d+) days? ago$", words))]
    assert len(days) > 5
    assert min(days) > (TODAY - DAY).days


def test_a_row_says_where_likelihood_and_money_disagree(index: ListIndex, out: Path, client: TestClient) -> None:
    scores = plain(out, "scores").set_index("account_id")
    ranked = int(scores.eligible.sum())
    said = {row.account_id: row.at_odds for row in my_list(index, ListQuery(show="all"), desk(), 1000).rows}
    for account, score in scores.iterrows():
        is_first, is_last = score["rank"] <= ranked / 10, score["stake_rank"] > ranked / 2
        is_stake, is_unlikely = score["stake_rank"] <= ranked / 10, score["rank"] > ranked / 2
        odds = "Likely, with little" if is_first and is_last else "Much at stake" if is_stake and is_unlikely else ""
        assert said[account].startswith(odds)
        assert bool(said[account]) == bool(odds)
    some = next(account for account, words in said.items() if words)
    assert said[some] in client.get(account_address(some)).text


def test_who_is_set_apart_says_why(client: TestClient, out: Path) -> None:
    apart = plain(out, "exclusions").set_index("account_id")
    rows = rows_of(client.get("/export.csv?show=apart").text)
    assert {row["Account id"] for row in rows} == set(apart.index)
    for row in rows:
        assert (row["No."], row["Set apart"]) == ("", apart.shown_under[row["Account id"]])
        assert row["Why"].removeprefix("'") == apart.text[row["Account id"]]


def test_only_the_owners_accounts_are_seen_counted_and_offered(client_of: Callable[..., TestClient], out: Path) -> None:
    scores = plain(out, "scores")
    mine = scores[scores.owner == "Ana Costa"]
    pages = client_of(sight=lambda request: OwnersSight(frozenset({"Ana Costa"})))
    rows = rows_of(pages.get("/export.csv?show=all").text)
    assert {row["Account id"] for row in rows} == set(mine.account_id)
    page = pages.get("/").text
    assert f"of {len(mine)} customers" in page
    assert not [owner for owner in OWNERS if owner != "Ana Costa" and owner.replace("'", "&#39;") in page]
    other = scores[scores.owner == "Dana Lee"].account_id.iloc[0]
    assert pages.get(f"/accounts/{other}").status_code == 404
    assert pages.get(f"/accounts/{mine.account_id.iloc[0]}").status_code == 200
    assert "Dana Lee" not in pages.get("/team").text
    assert pages.get("/export.csv?show=all&owner=Dana+Lee").status_code == 404


@pytest.mark.parametrize("account", IDS.values())
def test_an_account_is_reached_whatever_its_id(client: TestClient, account: str) -> None:
    page = client.get("/?" + urlencode({"q": account, "show": "all"})).text
    links = {id_: unescape(link) for link in LINK.findall(page) for id_ in shown_in(f'class="name"><a href="{link}"')}
    answer = client.get(links[account])
    assert answer.status_code == 200
    assert f"<bdi>{account.replace('&', '&amp;')}</bdi>" in answer.text
