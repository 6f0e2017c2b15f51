"""Saved views: the tabs above the list, the page to rename, share and delete them, and who may open which."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

from serving.outcomes.vocabulary import STATES
from serving.store.views import SavedView, View, ViewError, ViewStore
from serving.web.index import ListIndex
from serving.web.pages.my_list import KIND_WORDS
from serving.web.pages.record import NOBODY
from serving.web.ports import Sight
from serving.web.query import COLUMN_WORDS, SORT_WORDS, ListQuery, QueryError, read_query

_FILTERS = {
    "q": "Account",
    "owner": "Owner",
    "segment": "Segment",
    "motion": "Motion",
    "play": "Play",
    "band": "Likelihood",
    "state": "State",
    "show": "Customers",
    "sort": "Order",
    "columns": "Columns",
}
"""What the address may ask for, as the page calls it."""
SHARED = "is_shared"
"""The box of a form: for the team."""


@dataclass(frozen=True)
class ViewTab:
    """A view above the list. ``who`` shared it; empty where it is one's own. ``is_open``: it is what is shown."""

    id: int
    name: str
    who: str
    is_open: bool


@dataclass(frozen=True)
class ViewForm:
    """The form that saves what is shown, or changes a view: as it was filled, and what is wrong with the name."""

    name: str = ""
    is_shared: bool = False
    fault: str = ""


@dataclass(frozen=True)
class ViewRow:
    """A view on the page of views. ``form`` is None where it is another's; ``asked``: names and values in words."""

    view: SavedView
    asked: tuple[tuple[str, str], ...]
    form: ViewForm | None


def person_of(sight: Sight) -> str:
    """Under which name views are kept: the e-mail, or that nobody signs in."""
    return sight.email or NOBODY


def asked_by(view: View) -> ListQuery:
    """What a view asks of the list. Raises QueryError for what is no longer known."""
    return read_query(ListQuery, parse_qsl(view.asked))[0]


def may_open(view: SavedView, sight: Sight) -> bool:
    """May they open it: one's own, or one that is shared and filters what they may see?"""
    if view.person == person_of(sight):
        return True
    try:
        owner = asked_by(view).owner
    except QueryError:
        return False
    return view.is_shared and (not owner or sight.may_see(owner))


def views_seen(store: ViewStore, sight: Sight) -> list[SavedView]:
    """The views that somebody may open."""
    return [view for view in store.of(person_of(sight)) if may_open(view, sight)]


def tabs(views: Sequence[SavedView], query: ListQuery, sight: Sight) -> tuple[ViewTab, ...]:
    """The views above a list, whichever page of it is shown."""
    person, shown = person_of(sight), asked_text(query)
    return tuple(
        ViewTab(view.id, view.name, "" if view.person == person else view.who, view.asked == shown) for view in views
    )


def asked_text(query: ListQuery) -> str:
    """What a query asks for, as a view keeps it."""
    return query.address()[1:]


def view_of(form: Mapping[str, Any], query: ListQuery, sight: Sight) -> View:
    """The view that a sent form saves."""
    return View(
        person=person_of(sight),
        who=sight.name or NOBODY,
        name=str(form.get("name", "")),
        asked=asked_text(query),
        is_shared=SHARED in form,
    )


def refused_view(form: Mapping[str, Any], error: ViewError) -> ViewForm:
    """The form as it was filled, with what is wrong and what to do."""
    fault = f"{error.clause[:1].upper()}{error.clause[1:]}. {error.todo}"
    return ViewForm(str(form.get("name", "")), SHARED in form, fault)


def view_rows(
    index: ListIndex, views: Sequence[SavedView], sight: Sight, refused: Mapping[int, ViewForm]
) -> tuple[ViewRow, ...]:
    """The page of views, one's own first. ``refused``: forms that were sent and could not be kept, by view."""
    person = person_of(sight)
    rows = [_row(index, view, refused, is_own=view.person == person) for view in views]
    return tuple(sorted(rows, key=lambda row: row.form is None))


def _in_words(index: ListIndex, query: ListQuery) -> Iterator[tuple[str, str]]:
    plays = index.listing.manifest["plays"]
    words: dict[str, Mapping[Any, str]] = {
        "motion": KIND_WORDS,
        "play": {code: play["name"] for code, play in plays.items()},
        "state": STATES,
        "sort": SORT_WORDS,
    }
    for name, value in query.asked_for().items():
        told = ", ".join(COLUMN_WORDS[column] for column in value) if name == "columns" else str(value)
        yield _FILTERS[name], words.get(name, {}).get(told, told)


def _row(index: ListIndex, view: SavedView, refused: Mapping[int, ViewForm], *, is_own: bool) -> ViewRow:
    try:
        asked = tuple(_in_words(index, asked_by(view)))
    except QueryError as error:
        asked = (("No longer understood", error.clause),)
    form = refused.get(view.id, ViewForm(view.name, view.is_shared)) if is_own else None
    return ViewRow(view, asked, form)
