"""The list as one self-contained HTML file: no script, no font, no picture, nothing from elsewhere."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from data.contract.outputs import FIX, FUNNEL, SHOWN_UNDER, WAIT
from data.shown.text import cut, for_page
from serving.published.read import PublishedList
from serving.ranking.amounts import say_money
from serving.ranking.gates import gate_label
from serving.ranking.short_list import ORDER_OF
from serving.reasons.formats import say_day, say_propensity
from serving.render import entries as lines
from serving.render import orders
from serving.render.likelihood import RANGE_MEANING, say_range_of

WIDTH, HEIGHT, MARGIN = 104, 22, 2
"""Of the drawing, in its own units."""
CHANGED = 0.1
"""Use that differs by less is steady."""


LONGEST_NAME = 300
"""Letters of a name on a page."""
OWNERS_ON_PAGE = 100
"""Owners whose lists stand on the page; the Excel file has all."""

_SECTIONS = {
    FIX: ("Fix first", "Value before expansion: these accounts come back to the list once this is put right."),
    FUNNEL: ("Already in the funnel", "Sales is on it: shown apart, so that the list counts what is new."),
    WAIT: ("Not now", "Just expanded, or asked to be left in peace: the list waits."),
}


@dataclass(frozen=True)
class Section:
    """Accounts without a rank under one heading: counts per gate, and the likeliest accounts."""

    title: str
    about: str
    anchor: str
    count: int
    gates: list[tuple[str, int]]
    accounts: list[lines.Excluded]


@dataclass(frozen=True)
class Feed:
    """How fresh one input table is: its last known day, whether its feed seems to have stopped, and what follows.

    ``not_judged``: what rests on the table is not known of any account, and a warning of the list says so.
    """

    table: str
    last_day: date | None
    stale: bool
    not_judged: bool = False


def environment() -> Environment:
    """The templates of this room: everything is escaped, an unknown name is an error."""
    folder = Path(__file__).with_name("templates")
    made = Environment(
        loader=FileSystemLoader(folder), autoescape=True, undefined=StrictUndefined, trim_blocks=True, finalize=for_page
    )
    made.filters.update(named=named, day=say_day, likely=say_propensity, best=lines.best_reasons, texts=lines.say_texts)
    made.filters.update(points=points, use=say_use, label=lines.label_of, group=lines.say_group)
    made.filters["further"] = lines.further_firing
    made.filters["reach"] = lambda ends: say_range_of(*ends)
    return made


def named(name: str) -> Markup:
    """A name of the base: cut, and set apart, so that one written from right to left turns nothing beside it."""
    return Markup("<bdi>{}</bdi>").format(cut(name, LONGEST_NAME))


@cache
def _in_currency(currency: str) -> Environment:
    """The templates, with amounts in a currency; what is compiled serves every page."""
    made = environment()
    made.filters["money"] = lambda value: say_money(value, currency)
    made.filters["expected"] = lambda value: lines.say_expected(value, currency)
    made.filters["between"] = lambda ends: lines.say_range(ends[0], ends[1], currency)
    made.filters["context"] = lambda entry: lines.context(entry, currency)
    return made


def write_page(path: Path, listing: PublishedList) -> None:
    """Write the page of a list, or of an owner's book."""
    path.write_text(render_page(listing), encoding="utf-8")


def render_page(listing: PublishedList) -> str:
    """The page of a list, or of an owner's book, as HTML."""
    settings = listing.manifest["serving"]
    before = listing.manifest["previous_snapshot_date"]
    own, owners_left_out = _books(listing) if listing.owner is None else ([], 0)
    top = [orders.short_list(listing, by, settings["top"]) for by in orders.orders_of(listing)]
    shown = [*top, *(book for _, book in own)]
    used = {entry.play_code for short in shown for _, entry in short.rows}
    return (
        _in_currency(settings["currency"])
        .get_template("list.html.j2")
        .render(
            snapshot_date=listing.snapshot_date,
            owner=None if listing.owner is None else lines.say_owner(listing.owner),
            previous_date=date.fromisoformat(before) if before else None,
            manifest=listing.manifest,
            top=top,
            meanings=orders.MEANINGS,
            ranked_by=ORDER_OF[listing.manifest["rank_by"]],
            own=own,
            owners_left_out=owners_left_out,
            totals=lines.totals(listing),
            held=orders.say_short_lists(listing),
            held_out=lines.held_out_of(listing),
            feeds=feeds(listing),
            sections=sections(listing, settings["page_exclusions"]),
            plays={code: play for code, play in listing.manifest["plays"].items() if code in used},
            knows_little=lines.KNOWS_LITTLE,
            range_meaning=RANGE_MEANING,
            gate_label=gate_label,
            drawing=(WIDTH, HEIGHT),
        )
    )


def _books(listing: PublishedList) -> tuple[list[tuple[dict[Any, Any], orders.ShortList]], int]:
    """The owners of a list with the first of their books, and how many owners are left out for want of room."""
    books = lines.owners(listing)
    books = books[books["ranked"] > 0]
    named = books.head(OWNERS_ON_PAGE)
    limit, by = listing.manifest["serving"]["top_per_owner"], orders.orders_of(listing)[0]
    short = orders.short_lists_of_owners(listing, named["owner"].tolist(), by, limit)
    rows = named.to_dict("records")  # few owners, each with few accounts
    return [({**book, "name": lines.say_owner(book["owner"])}, short[book["owner"]]) for book in rows], len(
        books
    ) - len(named)


def sections(listing: PublishedList, limit: int) -> list[Section]:
    """The accounts without a rank, under their headings; empty headings are left out."""
    made, exclusions = [], listing.exclusions()
    for number, under in enumerate(SHOWN_UNDER):
        apart = exclusions[exclusions["shown_under"] == under]
        if len(apart):
            gates = Counter(gate_label(code) for codes in apart["not_eligible_because"] for code in codes.split(";"))
            accounts = lines.excluded(apart.head(limit))
            made.append(Section(*_SECTIONS[under], f"apart-{number}", len(apart), gates.most_common(), accounts))
    return made


def feeds(listing: PublishedList) -> list[Feed]:
    """Freshness of the input tables, as the manifest gives it.

    ``input_watermarks``: table to its last known day; ``stopped_feeds``: the tables whose feed seems to have stopped.
    Of a silent feed it is the last day on which something happened: what was late came in after it.
    """
    stopped, silent = listing.manifest.get("stopped_feeds", []), silent_since(listing)
    marks: dict[str, Any] = listing.manifest.get("input_watermarks", {})
    made = []
    for table, mark in marks.items():
        day = date.fromisoformat(mark) if isinstance(mark, str) else mark
        made.append(Feed(table, silent.get(table, day), table in stopped, table in silent))
    return made


def silent_since(listing: PublishedList) -> dict[str, date]:
    """The tables of which nothing was judged, each with its last day; an older list names none."""
    silent = listing.manifest.get("silent_feeds") or {}
    return {table: date.fromisoformat(told["last_day"]) for table, told in silent.items()}


# --- use by week, as a line so small that it stands in a row, and in words ---


def points(weeks: Sequence[float], is_area: bool = False) -> str:
    """The corners of the line as SVG has them: the oldest week first, no use at all at the bottom.

    ``is_area``: those of what is under it.
    """
    most, step = max(weeks, default=0.0) or 1.0, (WIDTH - 2 * MARGIN) / max(len(weeks) - 1, 1)
    bottom, height = HEIGHT - MARGIN, HEIGHT - 2 * MARGIN
    corners = [(MARGIN + step * place, bottom - height * max(week, 0.0) / most) for place, week in enumerate(weeks)]
    if is_area:
        corners = [(corners[0][0], bottom), *corners, (corners[-1][0], bottom)]
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in corners)


def say_use(weeks: Sequence[float]) -> str:
    """Where use went: the mean of the last third of the weeks against that of the first."""
    third = max(len(weeks) // 3, 1)
    before, now = sum(weeks[:third]), sum(weeks[-third:])
    over = f"over the last {len(weeks)} weeks"
    if not any(weeks):
        return f"use: none {over}"
    if abs(now - before) < CHANGED * max(before, now):
        return f"use: steady {over}"
    return f"use: {'up' if now > before else 'down'} {over}"
