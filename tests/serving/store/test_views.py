"""Saved views in the store, on SQLite and on PostgreSQL: a name is a person's own, and what cannot be kept is told."""

from dataclasses import replace

import pytest

from serving.outcomes.outcome import Outcome
from serving.store.outcomes import OutcomeStore
from serving.store.views import LARGEST_NUMBER, LONGEST_ASKED, MOST, View, ViewError, ViewStore

ADA = View(person="ada@example.com", who="Ada", name="Renewals soon", asked="sort=renewal&columns=why")
BOB = View(person="bob@example.com", who="Bob", name="renewals SOON", asked="q=Bank", is_shared=True)


@pytest.fixture
def views(store: OutcomeStore) -> ViewStore:
    return ViewStore(store)


def test_a_view_is_read_as_it_was_saved_and_shared_ones_by_all(views: ViewStore) -> None:
    own, shared = views.add(ADA), views.add(BOB)
    saved = views.get(own)
    assert saved is not None
    assert {name: getattr(saved, name) for name in View.__dataclass_fields__} == vars(ADA)
    assert [view.id for view in views.of(ADA.person)] == [own, shared]
    assert [view.id for view in views.of("eve@example.com")] == [shared]
    assert [views.get(number) for number in (0, 99, LARGEST_NUMBER, LARGEST_NUMBER + 1)] == [None] * 4


def test_a_view_that_is_sent_twice_is_one_and_its_name_is_taken(views: ViewStore) -> None:
    number = views.add(ADA)
    assert views.add(ADA) == number
    with pytest.raises(ViewError, match="you have a view of that name"):
        views.add(replace(ADA, name=" RENEWALS soon ", asked="q=other"))
    assert views.add(BOB) != number  # another person's name is free


@pytest.mark.parametrize(
    ("name", "same"),
    [("caf\u00e9", "CAFE\u0301"), ("Stra\u00dfe", "STRASSE"), ("\ufb01t", "fit"), ("Mine", "Mi\u200bne")],
    ids=["accent", "sharp s", "ligature", "zero width"],
)
def test_names_that_are_read_alike_are_one(views: ViewStore, name: str, same: str) -> None:
    views.add(replace(ADA, name=name))
    with pytest.raises(ViewError, match="you have a view of that name"):
        views.add(replace(ADA, name=same, asked="q=other"))
    assert views.add(replace(ADA, name=f"{name} e")) > 1


def test_a_view_is_renamed_shared_and_deleted(views: ViewStore) -> None:
    first, second = (views.get(views.add(replace(ADA, name=name))) for name in ("One", "Two"))
    assert first is not None
    assert second is not None
    views.change(first, "First", is_shared=True)
    views.change(first, "FIRST", is_shared=True)  # its own name is free to it
    with pytest.raises(ViewError, match="you have a view of that name"):
        views.change(second, "first", is_shared=False)
    assert [(view.name, view.is_shared) for view in views.of(ADA.person)] == [("FIRST", True), ("Two", False)]
    views.remove(first)
    views.remove(first)
    assert [view.id for view in views.of(ADA.person)] == [second.id]
    assert views.add(replace(ADA, name="Three")) > second.id


@pytest.mark.parametrize(
    ("said", "found"),
    [
        ({"name": " \n "}, "it has no name"),
        ({"name": "\u202e"}, "it has no name"),
        ({"name": "\u200b"}, "it has no name"),
        ({"name": "\u200f \u200f"}, "it has no name"),
        ({"name": "n" * 61}, "its name has 61 letters, and 60 are the most"),
        ({"name": "a\0b"}, "its name has a control character"),
        ({"name": "a\nb"}, "its name has a control character"),
        ({"name": "half \ud83d"}, "its name has a control character"),
        ({"asked": "q=" + "a" * LONGEST_ASKED}, "it asks for 2,002 letters, and 2,000 are the most"),
    ],
)
def test_a_view_that_cannot_be_kept_is_told_in_words(views: ViewStore, said: dict[str, str], found: str) -> None:
    with pytest.raises(ViewError) as refused:
        views.add(replace(ADA, **said))
    assert found in refused.value.found
    assert views.of(ADA.person) == []


def test_so_many_views_a_person_has_and_no_more(views: ViewStore) -> None:
    for number in range(MOST):
        views.add(replace(ADA, name=f"View {number}"))
    with pytest.raises(ViewError) as refused:
        views.add(ADA)
    assert (refused.value.found, refused.value.todo) == ("you have 50 views already.", "Delete one first.")


def test_views_leave_the_outcomes_alone(views: ViewStore, store: OutcomeStore) -> None:
    views.add(ADA)
    store.append([Outcome(account_id="acme", action="taken", who="Ada")])
    assert len(store.all_rows()) == 1
