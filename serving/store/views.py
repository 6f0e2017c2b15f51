"""Saved views of the list: what its address asks for under a name, one person's own or shared with the team.

They lie beside the outcomes and may be renamed and taken away. Who may open a shared one is not known here.
"""

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Boolean, Column, Connection, MetaData, Table, Text, delete, insert, or_, select, update

from data.contract.vocabulary import Personal
from data.errors import HeadroomError
from serving.outcomes.outcome import clean_text, is_control
from serving.store.outcomes import OutcomeStore, utc_now
from serving.store.schema import Id, UtcTime, marked

LONGEST_NAME, LONGEST_ASKED, MOST = 60, 2_000, 50
"""Letters of a name and of what is asked for; views of one person."""
LARGEST_NUMBER = 2**63 - 1
VIEWS = Table(
    "headroom_views",
    MetaData(),
    Column("id", Id, primary_key=True),
    Column("person", Text, nullable=False, info=marked(Personal.EMAIL)),
    Column("who", Text, nullable=False, info=marked(Personal.OWNER)),
    Column("name", Text, nullable=False, info=marked(Personal.TEXT)),
    Column("asked", Text, nullable=False, info=marked(Personal.TEXT)),
    Column("is_shared", Boolean, nullable=False),
    Column("at", UtcTime, nullable=False),
)
"""As queries see it; what the database is told of it stands in the migrations."""


class ViewError(HeadroomError):
    """A view that cannot be kept as it is asked."""


@dataclass(frozen=True, kw_only=True)
class View:
    """What a ``person`` (an e-mail) who is called ``who`` saved. ``asked``: the query of the list's address."""

    person: str
    who: str
    name: str
    asked: str
    is_shared: bool = False


@dataclass(frozen=True, kw_only=True)
class SavedView(View):
    """A view as the store holds it: its number, and when it was saved (UTC)."""

    id: int
    at: datetime


class ViewStore:
    """The saved views of a store. It may be used by several threads."""

    def __init__(self, store: OutcomeStore) -> None:
        self._store = store

    def of(self, person: str) -> list[SavedView]:
        """The views of a person and those that others share, by name."""
        with self._store.connected("Read the saved views") as connection:
            views = _read(connection, or_(VIEWS.c.person == person, VIEWS.c.is_shared))
        return sorted(views, key=lambda view: (_folded(view.name), view.id))

    def get(self, number: int) -> SavedView | None:
        """The view of a number; None where there is none."""
        if number > LARGEST_NUMBER:
            return None
        with self._store.connected("Read the saved views") as connection:
            return next(iter(_read(connection, VIEWS.c.id == number)), None)

    def add(self, view: View) -> int:
        """Save a view: its number. One that is there already under its name has its own.

        Raises ViewError for a name that cannot be, or that is taken, and for one view too many.
        """
        values = {name: getattr(view, name) for name in View.__dataclass_fields__} | {"name": _checked(view.name)}
        with self._store.connected("Save a view", writes=True) as connection:
            own = _read(connection, VIEWS.c.person == view.person)
            same = next((saved for saved in own if _is_called(saved, values["name"])), None)
            if same is not None and (same.asked, same.is_shared) == (view.asked, view.is_shared):
                return same.id
            _require_free(own, values["name"])
            _require_room(own, view)
            row = insert(VIEWS).values(**values, at=utc_now()).returning(VIEWS.c.id)
            return int(connection.execute(row).scalar_one())

    def change(self, view: SavedView, name: str, *, is_shared: bool) -> None:
        """Rename a view, and share it or no longer. Raises ViewError for a name that cannot be, or that is taken."""
        name = _checked(name)
        with self._store.connected("Change a view", writes=True) as connection:
            _require_free([own for own in _read(connection, VIEWS.c.person == view.person) if own.id != view.id], name)
            connection.execute(update(VIEWS).where(VIEWS.c.id == view.id).values(name=name, is_shared=is_shared))

    def remove(self, view: SavedView) -> None:
        """Take a view away; one that is gone stays so."""
        with self._store.connected("Delete a view", writes=True) as connection:
            connection.execute(delete(VIEWS).where(VIEWS.c.id == view.id))


def _read(connection: Connection, condition: Any) -> list[SavedView]:
    return [SavedView(**row) for row in connection.execute(select(VIEWS).where(condition)).mappings()]


def _checked(name: str) -> str:
    """A name as it is kept. Raises ViewError where none of it is seen, it is too long, or has a control character."""
    clean = clean_text(name) or ""
    if not clean:
        raise _refusal(name, "it has no name", "Give it one.")
    if len(clean) > LONGEST_NAME:
        raise _refusal(name, f"its name has {len(clean):,} letters, and {LONGEST_NAME} are the most", "Shorten it.")
    if any(map(is_control, clean)):
        raise _refusal(name, "its name has a control character", "Write it on one line.")
    return clean


def _require_free(others: Sequence[SavedView], name: str) -> None:
    if any(_is_called(other, name) for other in others):
        raise _refusal(name, "you have a view of that name", "Give it another name, or delete that one first.")


def _require_room(own: Sequence[SavedView], view: View) -> None:
    if len(view.asked) > LONGEST_ASKED:
        too_long = f"it asks for {len(view.asked):,} letters, and {LONGEST_ASKED:,} are the most"
        raise _refusal(view.name, too_long, "Ask for less.")
    if len(own) >= MOST:
        raise _refusal(view.name, f"you have {len(own)} views already", "Delete one first.")


def _is_called(view: SavedView, name: str) -> bool:
    return _folded(view.name) == _folded(name)


def _folded(name: str) -> str:
    """A name as it is compared: as it is read, whatever its case and however its letters are put together."""
    seen = "".join(letter for letter in name if unicodedata.category(letter) != "Cf")
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", seen).casefold())


def _refusal(name: str, words: str, todo: str) -> ViewError:
    return ViewError(f"Save the view {name[:LONGEST_NAME]!a}.", f"{words}.", todo)
