"""What an address asks for: it is read back as it was written, and what cannot be is refused in words."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.datastructures import QueryParams

from serving.web.query import ApartQuery, ListQuery, QueryError, account_address, read_query

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)


@given(q=TEXT, owner=TEXT, page=st.integers(1, 500), band=st.sampled_from(["", "very likely", "unlikely"]))
def test_an_address_is_read_back_as_what_was_asked(q: str, owner: str, page: int, band: str) -> None:
    asked = ListQuery(q=q, owner=owner, page=page, band=band, sort="stake")
    read, left_out = read_query(ListQuery, QueryParams(asked.address(page=page)[1:]).multi_items())
    assert (read, left_out) == (asked, ())


def test_another_question_begins_at_the_first_page() -> None:
    asked = ListQuery(q="bank", page=7)
    assert asked.address(sort="name") == "?q=bank&sort=name"
    assert asked.address(page=8) == "?q=bank&page=8"
    assert ListQuery().address() == "?"


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ([("band", "certain")], "`band` cannot be `certain`; it is one of very likely, likely, possible, unlikely"),
        ([("sort", "rank")], "`sort` cannot be `rank`; it is one of likelihood, stake, name"),
        ([("page", "0")], "`page` cannot be `0`"),
        ([("page", "two")], "`page` cannot be `two`"),
        ([("page", "1e3")], "`page` cannot be `1e3`"),
        ([("state", "done")], "one of open, working, snoozed"),
        ([("q", "a" * 201)], "`q` has 201 letters, 200 at most"),
        ([("owner", "Ana"), ("owner", "Eva")], "`owner` is given twice: `Ana` and `Eva`"),
        ([("motion", "<b>"), ("band", "x")], "`band`"),
    ],
)
def test_what_cannot_be_asked_is_refused_in_words(given: list[tuple[str, str]], words: str) -> None:
    with pytest.raises(QueryError) as refused:
        read_query(ListQuery, given)
    assert words in refused.value.found


def test_what_means_nothing_is_left_out_and_named() -> None:
    read, left_out = read_query(ApartQuery, [("utm", "1"), ("q", ""), ("gate", "nps"), ("band", "likely"), ("x", "")])
    assert read == ApartQuery(gate="nps")
    assert left_out == ("utm", "band", "x")


@pytest.mark.parametrize("name", ListQuery.model_fields)
def test_an_empty_value_asks_for_nothing(name: str) -> None:
    assert read_query(ListQuery, [(name, ""), (name, "")]) == (ListQuery(), ())


def test_an_empty_column_is_none_beside_others() -> None:
    asked, _ = read_query(ListQuery, [("columns", ""), ("columns", "amount")])
    assert asked.columns == ("amount",)


@pytest.mark.parametrize(
    ("account_id", "address"),
    [
        ("a/b", "/accounts/a%2Fb"),
        ("50%", "/accounts/50%25"),
        (".", "/accounts?id=."),
        ("..", "/accounts?id=.."),
        ("ö?#", "/accounts/%C3%B6%3F%23"),
    ],
)
def test_the_address_of_an_account(account_id: str, address: str) -> None:
    assert account_address(account_id) == address
