"""What a page is asked for: all of it stands in the address, so that a view can be kept, sent and gone back to."""

from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Annotated, Any, Literal, Self, TypeVar
from urllib.parse import quote, urlencode

from fastapi import Request
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from data.errors import HeadroomError, some
from serving.outcomes.vocabulary import STATES
from serving.render.likelihood import Band
from serving.web.index import KINDS

LONGEST = 200
"""Letters of a value."""


class QueryError(HeadroomError):
    """An address that asks for what there is not."""


class Sort(StrEnum):
    """What comes first on the list."""

    LIKELIHOOD = "likelihood"
    STAKE = "stake"
    NAME = "name"
    OWNER = "owner"
    RENEWAL = "renewal"
    ACT_BY = "act_by"
    TREND = "trend"


class ListColumn(StrEnum):
    """What stands in a column of its own beside the account."""

    LIKELY = "likely"
    AMOUNT = "amount"
    PLAY = "play"
    STATE = "state"
    RENEWAL = "renewal"
    CONTACT = "contact"
    WHY = "why"


SORT_WORDS = {
    Sort.LIKELIHOOD: "Most likely",
    Sort.STAKE: "Most at stake",
    Sort.NAME: "Name",
    Sort.OWNER: "Owner",
    Sort.RENEWAL: "Next renewal",
    Sort.ACT_BY: "Act by",
    Sort.TREND: "Trend",
}
COLUMN_WORDS = {
    ListColumn.LIKELY: "Likely to expand",
    ListColumn.AMOUNT: "Expected ARR",
    ListColumn.PLAY: "Play",
    ListColumn.STATE: "State",
    ListColumn.RENEWAL: "Renews",
    ListColumn.CONTACT: "Last contact",
    ListColumn.WHY: "Why",
}
USUAL = (ListColumn.LIKELY, ListColumn.PLAY, ListColumn.WHY)
"""The columns where none are asked for."""


class Shown(StrEnum):
    """Which customers stand on the list."""

    RANKED = "ranked"
    APART = "apart"
    ALL = "all"


Text = Field(default="", max_length=LONGEST)
CORRECT = "correct"
"""What an address of an account calls the row that is to be corrected."""
MANY = frozenset({"columns"})
"""What an address may name several times, once for each value."""


class PageQuery(BaseModel):
    """What every list of accounts can be asked for. ``q``: a part of a name or an id; ``page``: 1 is the first."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    q: str = Text
    owner: str = Text
    page: int = Field(default=1, ge=1, le=1_000_000)

    def changed(self, **changes: Any) -> Self:
        """The same question with something else asked for: its first page, if no other is."""
        return self.model_copy(update={"page": 1, **changes})

    def address(self, **changes: Any) -> str:
        """What stands after the path of the address: ``?owner=Ana+Costa&page=2``; what is usual is left out."""
        asked = self._unusual({"page": 1, **changes})
        return f"?{urlencode({name: value if name in MANY else str(value) for name, value in asked.items()}, True)}"

    def asked_for(self, *without: str) -> dict[str, Any]:
        """What differs from the usual, by its name in the address."""
        return {name: value for name, value in self._unusual({}).items() if name not in without}

    def _unusual(self, changes: Mapping[str, Any]) -> dict[str, Any]:
        fields = type(self).model_fields
        asked = ((name, changes.get(name, value)) for name, value in self)
        return {name: value for name, value in asked if value != fields[name].default}


def _in_their_order(columns: tuple[ListColumn, ...]) -> tuple[ListColumn, ...]:
    """Columns in one order, each once; none where they are the usual ones, so that one view has one address."""
    asked = tuple(column for column in ListColumn if column in columns)
    return () if asked == USUAL else asked


class ListQuery(PageQuery):
    """What the list is asked for; empty: whatever it is. ``sort`` empty: as it is ranked; ``columns``: ``USUAL``."""

    segment: str = Text
    motion: Literal["", *KINDS] = ""  # type: ignore[valid-type]
    play: str = Text
    band: Literal[""] | Band = ""
    state: Literal["", *STATES] = ""  # type: ignore[valid-type]
    show: Shown = Shown.RANKED
    sort: Literal[""] | Sort = ""
    columns: Annotated[tuple[ListColumn, ...], AfterValidator(_in_their_order)] = ()

    @property
    def shown_columns(self) -> tuple[ListColumn, ...]:
        return self.columns or USUAL


class ApartQuery(PageQuery):
    """What the page of those set apart is asked for. ``gate``: by its code; ``under``: a heading of the list.

    ``show`` empty: those set apart, and all customers where a name is looked for.
    """

    gate: str = Text
    under: str = Text
    show: Literal[""] | Shown = ""


class TaskKind(StrEnum):
    """Why something is a task."""

    TAKEN = "taken"
    BACK = "back"
    OVERDUE = "overdue"
    WAITING = "waiting"


class TaskQuery(PageQuery):
    """What the page of tasks is asked for. ``kind`` empty: all."""

    kind: Literal[""] | TaskKind = ""


Q = TypeVar("Q", bound=PageQuery)


def read_query(kind: type[Q], given: Iterable[tuple[str, str]]) -> tuple[Q, tuple[str, ...]]:
    """What is asked for, by what is not empty; and the names in the address that mean nothing here and are left out.

    Raises QueryError for a value that cannot be, and for a name that is given twice with two values.
    """
    asked = tuple(given)
    known: dict[str, Any] = {}
    for name, value in asked:
        if name not in kind.model_fields or not value:
            continue
        if name in MANY:
            known[name] = (*known.get(name, ()), value)
        elif known.setdefault(name, value) != value:
            raise _refusal(f"`{name}` is given twice: `{known[name]}` and `{value}`.")
    left_out = dict.fromkeys(name for name, _ in asked if name not in kind.model_fields)
    try:
        return kind.model_validate(known), tuple(left_out)
    except ValidationError as error:
        faults = dict.fromkeys(str(problem["loc"][0]) for problem in error.errors())
        raise _refusal("; ".join(_fault(kind, name, known[name]) for name in faults) + ".") from error


def _fault(kind: type[PageQuery], name: str, given: str | tuple[str, ...]) -> str:
    value = given if isinstance(given, str) else ", ".join(given)
    if len(value) > LONGEST:
        return f"`{name}` has {len(value):,} letters, {LONGEST} at most"
    words = _words(kind, name)
    return f"`{name}` cannot be `{value}`" + (f"; it is one of {some(words, len(words))}" if words else "")


def _words(kind: type[PageQuery], name: str) -> list[str]:
    """All that a name may be, where it is one of a few."""
    schema = kind.model_json_schema(mode="validation")
    part = schema["properties"][name]
    part = part.get("items", part)
    parts = [schema["$defs"][p["$ref"].rsplit("/", 1)[-1]] if "$ref" in p else p for p in part.get("anyOf", [part])]
    return [str(word) for found in parts for word in found.get("enum", ()) if word]


def _refusal(found: str) -> QueryError:
    return QueryError("Show what this address asks for.", found, "Correct the address, or begin with the whole list.")


def account_asked_for(request: Request) -> str:
    """The id of an address that ``account_address`` gives."""
    return str(request.path_params.get("account_id") or request.query_params.get("id", ""))


def account_address(account_id: str, correct: int | None = None) -> str:
    """Where the page of an account is, whatever its id is made of; ``correct``: the row that its form is to correct."""
    asked: dict[str, object] = {} if correct is None else {CORRECT: correct}
    path = f"/accounts/{quote(account_id, safe='')}"
    if account_id in {".", ".."}:  # browsers take these for folders, also when they are quoted
        path, asked = "/accounts", {"id": account_id, **asked}
    return f"{path}?{urlencode(asked)}" if asked else path
