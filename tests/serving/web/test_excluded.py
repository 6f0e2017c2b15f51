"""Who is not ranked: the counts reconcile with the base, and every customer is found by name."""

import re
from html import unescape
from pathlib import Path
from urllib.parse import urlencode

import pytest
from fastapi.testclient import TestClient

from serving.ranking.gates import LABELS
from serving.web.index import ListIndex
from serving.web.pages.excluded import excluded_page
from serving.web.query import ApartQuery
from tests.serving.web.conftest import COUNT, desk, plain
from tests.serving.web.test_my_list import shown_in


def test_ranked_and_set_apart_are_the_base(client: TestClient, out: Path) -> None:
    ranked = int(plain(out, "scores")["rank"].notna().sum())
    apart = len(plain(out, "exclusions"))
    assert ranked + apart == COUNT
    assert f"{ranked} ranked + {apart} set apart = {COUNT} customers." in client.get("/excluded").text


def test_every_customer_of_the_base_is_found_by_name_with_the_reason(index: ListIndex, out: Path) -> None:
    because = plain(out, "exclusions").set_index("account_id").text
    for score in plain(out, "scores").itertuples():
        rows = excluded_page(index, ApartQuery(q=score.name[:200]), desk(), COUNT).rows
        found = next(row for row in rows if row.account_id == score.account_id)
        assert bool(found.because) == (score.account_id in because.index)
        if found.because:
            assert found.top == because[score.account_id]
        else:
            assert found.rank == score.rank


def test_a_ranked_account_is_found_by_the_form_as_it_stands(client: TestClient, out: Path) -> None:
    """A browser sends beside the name what each select stands on, and the name is kept where the filters hide it."""
    scores = plain(out, "scores")
    account = scores.account_id[scores.eligible & scores.account_id.str.startswith("acc-")].iloc[0]
    as_it_stands = stands_on(client.get("/excluded").text)
    assert as_it_stands.keys() == {"owner", "under", "gate", "show"}
    assert shown_in(client.get("/excluded", params=as_it_stands | {"q": account}).text) == [account]
    for narrowed in ({"show": "apart"}, {"gate": sorted(LABELS)[0]}):
        none = client.get("/excluded", params={"q": account, **narrowed}).text.partition('class="none">')[2]
        assert shown_in(client.get(unescape(none.partition('href="')[2].partition('"')[0])).text) == [account]


def stands_on(page: str) -> dict[str, str]:
    """What each select of a page stands on: the option that is chosen, or its first."""
    selects = re.findall(r'<select id="\w+" name="(\w+)">(.*?)</select>', page, re.DOTALL)
    chosen = {name: re.findall(r'"([^"]*)" selected', of) or re.findall(r'value="([^"]*)"', of) for name, of in selects}
    return {name: values[0] for name, values in chosen.items()}


@pytest.mark.parametrize("gate", sorted(LABELS))
def test_a_gate_shows_those_that_did_not_pass_it(index: ListIndex, out: Path, gate: str) -> None:
    apart = plain(out, "exclusions")
    expected = apart[[gate in codes.split(";") for codes in apart.not_eligible_because]]
    page = excluded_page(index, ApartQuery(gate=gate), desk(), COUNT)
    assert [row.account_id for row in page.rows] == expected.account_id.tolist()
    assert {tile.code: tile.count for tile in page.gates}.get(gate, 0) == len(expected)


def test_a_heading_shows_those_under_it(index: ListIndex, out: Path) -> None:
    apart = plain(out, "exclusions")
    page = excluded_page(index, ApartQuery(), desk(), COUNT)
    assert {tile.code: tile.count for tile in page.under} == apart.shown_under.value_counts().to_dict()
    for tile in page.under:
        under = excluded_page(index, ApartQuery(under=tile.code), desk(), COUNT)
        assert {row.account_id for row in under.rows} == set(apart[apart.shown_under == tile.code].account_id)


def test_pages_follow_each_other(client: TestClient, out: Path) -> None:
    pages = [shown_in(client.get("/excluded?" + urlencode({"show": "all", "page": n})).text) for n in range(1, 9)]
    shown = [account for page in pages for account in page]
    assert sorted(shown) == sorted(plain(out, "scores").account_id)
    assert re.search("page 1 of 8", client.get("/excluded?show=all").text)
