"""The list in the terminal: ``headroom top``."""

import sys
from collections.abc import Iterator
from typing import TextIO

from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from data.contract.outputs import SHOWN_UNDER
from data.shown.text import for_terminal
from serving.published.read import PublishedList
from serving.reasons.formats import say_day, say_propensity
from serving.render import entries as lines
from serving.render import orders
from serving.render.likelihood import say_range_of
from serving.render.orders import Order, ShortList

NARROWEST = 80


def print_top(
    listing: PublishedList,
    count: int | None = None,
    owner: str | None = None,
    by: Order | None = None,
    file: TextIO | None = None,
) -> None:
    """Print the first ``count`` ranked accounts (default: as many as on its page), of one owner's book where given.

    ``by``: which come first, by default as the list is ranked. Names are printed as they are: markup in them is not
    interpreted, and control characters are shown, not sent. Raises SettingsError where no account has that owner.
    """
    book = listing if owner is None else listing.book(owner)
    settings = listing.manifest["serving"]
    short = orders.short_list(book, by or orders.orders_of(listing)[0], settings["top"] if count is None else count)
    if owner is not None and not short.of:  # without ranked accounts an empty list is the answer
        lines.require_owner(listing, owner, f"Show the list of {owner}.")
    console = Console(file=file or sys.stdout, highlight=False, markup=False, emoji=False)
    if console.width < NARROWEST:
        console.width = NARROWEST
    console.print(_heading(book, short))
    if short.rows:
        console.print(_table(short, settings["currency"], owner is None))
    for sentence in short.left_out:
        console.print(Text(sentence))
    console.print(_set_apart(book))
    if held_out := lines.held_out_of(book):
        console.print(Text(held_out))
    for warning in listing.manifest.get("warnings", []):
        console.print(Text(f"Note: {_safe(warning)}", style="bold yellow"))


def _heading(book: PublishedList, short: ShortList) -> Text:
    totals = lines.totals(book)
    whose = f" of {_safe(book.owner)}" if book.owner else ""
    heading = Text(f"Ready to grow on {say_day(book.snapshot_date)}, {short.title.lower()} first", style="bold")
    currency = book.manifest["serving"]["currency"]
    between = lines.say_range(*totals.expected_range, currency)
    return heading.append(
        f"\n{len(short.rows)} shown{whose}, {totals.ranked:,} ranked of {totals.base:,} customers"
        f" (model {book.manifest['model_version']})"
        f"\nExpected ARR of the ranked: {lines.say_money(totals.expected_arr, currency)}"
        + f" ({between} four times in five)" * bool(between)
        + "\n",
        style="not bold dim",
    )


def _table(short: ShortList, currency: str, has_owners: bool) -> Table:
    """One block an account: who, how likely and how much, what to do, why."""
    table = Table.grid(padding=(0, 1, 1, 0), collapse_padding=False, pad_edge=False, expand=True)
    table.add_column(justify="right", no_wrap=True)
    table.add_column(ratio=1)
    for place, entry in short.rows:
        table.add_row(str(place), Group(*_block(entry, currency, has_owners)))
    return table


def _block(entry: lines.Entry, currency: str, has_owners: bool) -> Iterator[RenderableType]:
    between = say_range_of(*entry.likely_range)
    likely = f"{say_propensity(entry.propensity)} likely" + f" ({between})" * bool(between)
    likely += f", {lines.say_expected(entry.expected_arr, currency)}"
    yield Text(_safe(entry.name), style="bold").append(f"  {likely}", style="not bold")
    who = [entry.owner or "no owner"] if has_owners else []
    known = [*who, *([entry.segment] if entry.segment else []), *lines.context(entry, currency)]
    if known:
        yield Text(_safe(" \N{MIDDLE DOT} ".join(known)), style="dim")
    if entry.group:
        yield Text(_safe(lines.say_group(entry)), style="dim")
    yield Text(_safe(f"{entry.motion}: {entry.play}, act by {say_day(entry.act_by)}"))
    said = [(why.mark, why.text) for why in lines.best_reasons(entry)]
    said += [("", f"Say: {entry.opening}")] if entry.opening else []
    said += [("!", note) for note in entry.notes]
    reasons = Table.grid(padding=(0, 1, 0, 0), pad_edge=False)
    for mark, words in said:
        reasons.add_row(mark, Text(_safe(words)))
    yield reasons


def _set_apart(listing: PublishedList) -> Text:
    counts = listing.exclusions("shown_under")["shown_under"].value_counts()
    parts = [f"{counts[under]:,} {under}" for under in SHOWN_UNDER if under in counts]
    without = lines.totals(listing).without_owner
    said = f"Set apart: {', '.join(parts)}." if parts else "No account is set apart."
    return Text(said + (f" Without an owner: {without:,}." if without else ""))


def _safe(text: str) -> str:
    """Text without control characters: a name cannot move the cursor or clear the screen."""
    return for_terminal(text).replace("\n", "\N{REPLACEMENT CHARACTER}")
