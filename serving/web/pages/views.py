"""Saved views: the tabs above the list, the page to rename, share and delete them, and who may open which."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

from serving.outcomes.views import SavedView, View, ViewError, ViewStore
from serving.web.pages.record import NOBODY
from serving.web.ports import Sight
from serving.web.query import ListQuery, QueryError, read_query

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
    """A view on the page of views. ``form`` is None where it is another's; ``asked``: what it asks for, by name."""

    view: SavedView
    asked: Mapping[str, str]
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
    return query.changed().address()[1:]


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
    """The form as it was filled, with what is wrong."""
    return ViewForm(str(form.get("name", "")), SHARED in form, f"{error.clause[:1].upper()}{error.clause[1:]}.")


def view_rows(views: Sequence[SavedView], sight: Sight, refused: Mapping[int, ViewForm]) -> tuple[ViewRow, ...]:
    """The page of views, one's own first. ``refused``: forms that were sent and could not be kept, by view."""
    person = person_of(sight)
    rows = [_row(view, refused, is_own=view.person == person) for view in views]
    return tuple(sorted(rows, key=lambda row: row.form is None))


def _row(view: SavedView, refused: Mapping[int, ViewForm], *, is_own: bool) -> ViewRow:
    try:
        asked = asked_by(view).asked_for()
    except QueryError as error:
        asked = {"No longer understood": error.clause}
    form = refused.get(view.id, ViewForm(view.name, view.is_shared)) if is_own else None
    return ViewRow(view, asked, form)
