"""The page of an account: its parts add up, its past is that of the lists, and what is not there is said."""

import re
import shutil
from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from urllib.parse import quote

import pandas as pd
import pytest
from fastapi.testclient import TestClient
from hypothesis import given
from hypothesis import strategies as st

from serving.published.read import PublishedList, open_list
from serving.ranking.amounts import say_money
from serving.reasons.playbook import load
from serving.render.firing import firings
from serving.render.likelihood import say_range_of
from serving.web.index import ListIndex
from serving.web.lists import LookedBack
from serving.web.pages.account import REST, PastPlace, account_page, parts_of, use_by_week
from serving.web.query import account_address
from tests.drawn import drawn
from tests.serving.ranking.test_plays import FORMS
from tests.serving.web.conftest import EARLIER, DrawnWork, desk, plain
from tests.serving.world import CATALOGUE, DAY, accounts, details, feature_rows, publish, snapshot


@pytest.fixture(scope="module")
def past(out: Path) -> LookedBack:
    return LookedBack(tuple(open_list(out, day) for day in (EARLIER, DAY)), {})


def test_the_parts_of_every_account_add_up_to_its_log_odds(index: ListIndex, past: LookedBack, out: Path) -> None:
    for score in plain(out, "scores").itertuples():
        page = account_page(index, past, score.account_id, desk())
        base, *parts, total = (bar.size for bar in page.parts)
        assert (base, total) == (round(score.base_log_odds, 3), round(score.log_odds, 3))
        printed = [Decimal(f"{size:+.3f}") for size in (base, *parts)]
        assert sum(printed) == Decimal(f"{total:+.3f}"), "by a calculator, from the page"
        assert [bar.words for bar in page.parts].count(REST) == 1
        assert all(bar.left >= 0 and bar.left + bar.width <= 100.02 for bar in page.parts)


def test_a_waterfall_by_hand() -> None:
    reasons = drawn(
        """
        title          | story   | reason_code  | effect      | shap_log_odds
        Seats in use   | seats   | seats_in_use | for         | 0.8
        Near the limit | limit   | near_limit   | for         | 0.5
        Fewer invited  | seats   | invitations  | against     | -0.2
        Bugs           |         | bugs         | against     | -0.7
        Old customer   | history | tenure       | contradicts | 0.4
        """
    ).astype({"shap_log_odds": "float64"})
    rows = reasons.astype("object").where(reasons.notna(), None).to_dict("records")
    # seats 0.8 - 0.2; the rest is what is left of 0.5 + 3: 3.5 - 0.6 - 0.5 + 0.7, what contradicts among it
    assert [(bar.words, round(bar.size, 9), bar.way) for bar in parts_of(-3.0, rows, 0.5)] == [
        ("Where every account begins", -3.0, "sum"),
        ("Bugs", -0.7, "down"),
        ("Seats in use", 0.6, "up"),
        ("Near the limit", 0.5, "up"),
        ("All else that is known", 3.1, "up"),
        ("This account", 0.5, "sum"),
    ]


def test_its_past_is_that_of_the_lists(index: ListIndex, past: LookedBack, out: Path) -> None:
    for account in plain(out, "scores").account_id[:20]:
        page = account_page(index, past, account, desk())
        for place, day in zip(page.past, (DAY, EARLIER), strict=True):
            score = (
                pd.read_parquet(out / f"snapshot_date={day}" / "scores.parquet").set_index("account_id").loc[account]
            )
            assert (place.day, place.propensity) == (day, score.propensity)
            assert place.rank == (None if pd.isna(score["rank"]) else score["rank"])
            assert place.change


def test_the_reasons_are_under_what_they_speak_for(index: ListIndex, past: LookedBack, out: Path) -> None:
    reasons = plain(out, "reasons")
    for account in reasons.account_id.unique()[:30]:
        page = account_page(index, past, account, desk())
        mine = reasons[(reasons.account_id == account) & (reasons.effect != "contradicts")]
        for effect in ("for", "against"):
            told = mine[(mine.effect == effect) & mine.shown]
            assert [reason.log_odds for reason in page.reasons[effect]] == told.shap_log_odds.tolist()
        assert sum(map(len, page.reasons.values())) == len(mine)


def test_the_page_says_what_is_published(client: TestClient, out: Path, listing: PublishedList) -> None:
    scores = plain(out, "scores")
    score = scores[scores.eligible & scores.opening.notna() & scores.use_by_week.notna()].iloc[0]
    page = client.get(account_address(score.account_id)).text
    play = listing.manifest["plays"][score.play]
    for words in (play["name"], play["what_to_do"], play["show"], score.opening, "it is not known of this account"):
        assert words.replace("'", "&#39;") in page
    assert f"; {say_range_of(score.propensity_low, score.propensity_high)}</small>" in page
    assert 'class="use"' in page
    assert page.count("<circle") == 2
    assert "No record is kept of what was done." in page


def test_what_was_done_stands_on_the_page_the_latest_first(client_of: Callable[..., TestClient]) -> None:
    page = client_of(work=DrawnWork({"acc-0020": "won"})).get("/accounts/acc-0020").text
    done = re.search(r'<ul class="done">(.*?)</ul>', page, re.DOTALL)[1]
    assert done.index("&lt;i&gt;said so&lt;/i&gt;") < done.index("· Taken up")
    assert "Nothing so far." in client_of(work=DrawnWork({})).get("/accounts/acc-0020").text


@pytest.mark.parametrize("asked", ["nobody", "acc-0020/", "<script>", "%00\x1b", "acc-00", "a" * 5000, "%F0%28"])
def test_an_account_that_is_not_there_is_said_in_plain_words(client: TestClient, asked: str) -> None:
    answer = client.get(f"/accounts/{quote(asked)}")
    assert answer.status_code == 404
    assert "No such account" in answer.text
    assert "<script>" not in answer.text.replace('<script src="/static/serve.js" defer></script>', "")
    assert len(answer.text) < 5000


def test_owners_so_far_are_told_where_they_changed(tmp_path: Path, client_of: Callable[..., TestClient]) -> None:
    people = accounts(40)
    publish(tmp_path, snapshot(40, day=date(2026, 8, 1), accounts=people.assign(owner="old  hand")))
    publish(tmp_path, snapshot(40, day=EARLIER, accounts=people.assign(owner="Old Hand")))
    publish(tmp_path, snapshot(40, accounts=people.assign(owner="New Hand")))
    page = client_of(out=tmp_path).get("/accounts/acc-0003").text
    assert "<bdi>Old Hand</bdi>: on the lists of 1 Aug 2026 to 1 Sep 2026" in page
    assert "<bdi>New Hand</bdi>: on the list of 1 Oct 2026" in page


@pytest.mark.parametrize("file", ["manifest.json", "scores.parquet", "changes.parquet"])
def test_an_older_list_that_is_damaged_is_named_and_the_rest_is_shown(
    tmp_path: Path, client_of: Callable[..., TestClient], out: Path, file: str
) -> None:
    shutil.copytree(out, tmp_path / "lists")
    damaged = tmp_path / "lists" / f"snapshot_date={EARLIER}" / file
    damaged.write_bytes(damaged.read_bytes()[:40])
    answer = client_of(out=tmp_path / "lists").get("/accounts/acc-0020")
    assert answer.status_code == 200
    assert f"The list of 1 Sep 2026 could not be read, and is left out here: <bdi>{file} cannot be read" in answer.text
    assert "1 list, the latest first" in answer.text


@given(
    gaps=st.lists(st.integers(1, 200), min_size=1, max_size=8),
    counts=st.lists(st.integers(0, 13), min_size=9, max_size=9),
)
def test_no_week_of_use_counts_twice_and_none_is_older_than_a_year(gaps: list[int], counts: list[int]) -> None:
    days = [DAY - timedelta(days=sum(gaps[number:])) for number in range(len(gaps) + 1)]
    usual = {"rank": 1, "propensity": 0.1, "owner": None, "model_version": "1", "arr": 1.0, "seats": 1.0, "change": ""}
    places = [
        PastPlace(day=day, use_by_week=tuple(map(float, range(count))), **usual)
        for day, count in zip(days, counts, strict=False)
    ]
    known = use_by_week(places)
    ends = [end for end, _ in known]
    assert all(later - earlier >= timedelta(days=7) for earlier, later in pairwise(ends))
    assert all(DAY - timedelta(days=365) < end <= DAY for end in ends)
    first = next((place for place in places if place.use_by_week), None)
    if first is not None and first.day > DAY - timedelta(days=365 - 91):  # the first list that tells is told whole
        weeks = first.use_by_week
        expected = [(first.day - timedelta(days=7 * (len(weeks) - n - 1)), week) for n, week in enumerate(weeks)]
        assert list(known[: len(weeks)]) == expected


def test_what_the_account_had_on_each_list_and_how_fresh_its_sources_are(client: TestClient, out: Path) -> None:
    page = client.get("/accounts/acc-0020").text
    for day in (DAY, EARLIER):
        score = pd.read_parquet(out / f"snapshot_date={day}" / "scores.parquet").set_index("account_id").loc["acc-0020"]
        assert f'data-label="ARR">{say_money(score.arr, "$")}</td>' in page
        assert f'data-label="Seats">{score.open_seats:,.0f}</td>' in page
    assert "<dt>subscriptions</dt><dd>30 Sep 2026, 1 day before the list</dd>" in page
    assert '12 Sep 2026, 19 days before the list <b class="warn">seems to have stopped</b>' in page


def test_the_triggers_of_an_account_stand_beside_its_reasons(
    index: ListIndex, past: list[PublishedList], client: TestClient, out: Path
) -> None:
    triggers = plain(out, "triggers")
    titles = {code: trigger["title"] for code, trigger in index.listing.manifest["triggers"].items()}
    for account in plain(out, "scores").account_id[:30]:
        mine = triggers[triggers.account_id == account]
        page = account_page(index, past, account, desk())
        assert {(firing.title, firing.said) for firing in page.firing} == set(
            zip(mine.trigger_code.map(titles), mine.text, strict=True)
        )
    one = triggers.iloc[0]
    page = client.get(account_address(one.account_id)).text
    assert "<h3>Triggers</h3>" in page
    assert f"<b>{titles[one.trigger_code]}</b>" in page
    assert one.text.replace("'", "&#39;") in page


def test_on_a_first_list_no_trigger_is_new(
    client_of: Callable[..., TestClient], client: TestClient, out: Path, tmp_path: Path
) -> None:
    publish(tmp_path, snapshot(40))
    account = pd.read_parquet(tmp_path / f"snapshot_date={DAY}" / "triggers.parquet").account_id[0]
    assert "new on this list" not in client_of(out=tmp_path).get(f"/accounts/{account}").text
    triggers = plain(out, "triggers")
    new = triggers[triggers.is_new].account_id.iloc[0]
    assert "new on this list" in client.get(account_address(new)).text


def test_a_trigger_says_since_when_it_fires() -> None:
    row = {"account_id": "acme", "trigger_code": "a", "motion": None, "text": "Use fell by 30%.", "is_new": False}
    known = {"a": {"title": "Use falls", "when": "events_growth_91d <= threshold"}}
    old, new = (firings([{**row, "since": day}], known, DAY)[0] for day in (EARLIER, DAY))
    assert (old.said, new.said) == ("Use fell by 30%. On every list since 1 Sep 2026.", "Use fell by 30%.")


def test_the_play_is_that_of_the_form_and_says_step_and_hand_over(
    tmp_path: Path, client_of: Callable[..., TestClient]
) -> None:
    own = tmp_path / "own.toml"
    own.write_text(FORMS)
    rows = feature_rows(40).assign(tickets_open=0.0)
    named = details(rows).assign(present_plan="team_plus", next_plan="business")
    people = accounts(40).assign(segment="Mid-Market")
    made = snapshot(40, rows=rows, details=named, accounts=people, playbook=load(CATALOGUE, own))
    publish(tmp_path / "out", made)
    listing = open_list(tmp_path / "out", DAY)
    plays = pd.read_parquet(listing.path("account_plays"))
    one = plays[plays.play == "upsell_own"].iloc[0]
    assert (one.step, one.form) == ("team_plus > business", "Mid-Market; Team Plus > Business")
    page = client_of(out=tmp_path / "out").get(account_address(one.account_id)).text
    for words in ("Team plus to Business", "Business, after a trial.", "To the AE when a price is asked for."):
        assert f"<dd>{words}" in page.replace("<bdi>", "")
    assert "The next plan, for a year." not in page
    assert "<dt>Not when</dt><dd>A ticket is open.</dd>" in page
    assert "<dt>Who</dt><dd>AE, by 11 Oct 2026</dd>" in page
