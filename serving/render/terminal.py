"""The list in the terminal: ``headroom top``."""

import sys
from typing import TextIO

from rich.console import Console
from rich.table import Table
from rich.text import Text

from data.contract.outputs import SHOWN_UNDER
from data.errors import SettingsError
from serving.published.read import PublishedList, folded
from serving.reasons.formats import say_day, say_propensity
from serving.render import entries as lines

NARROWEST = 80


def print_top(
    listing: PublishedList, count: int | None = None, owner: str | None = None, file: TextIO | None = None
) -> None:
    """Print the first ``count`` ranked accounts (default: as many as on its page), of one owner's book where given.

    Names are printed as they are: markup in them is not interpreted, and control characters are shown, not sent.
    Raises SettingsError where no account has that owner.
    """
    book = listing if owner is None else listing.book(owner)
    rows = lines.ranked(book, listing.manifest["serving"]["top"] if count is None else count)
    if owner is not None and not rows:
        _refuse_unknown(listing, owner)
    console = Console(file=file or sys.stdout, highlight=False, markup=False, emoji=False)
    if console.width < NARROWEST:
        console.width = NARROWEST
    console.print(_heading(listing, len(rows), owner))
    if rows:
        console.print(_table(rows, listing.manifest["serving"]["currency"], owner is not None))
    console.print(_set_apart(listing))
    for warning in listing.manifest.get("warnings", []):
        console.print(Text(f"Note: {_safe(warning)}", style="bold yellow"))


def _refuse_unknown(listing: PublishedList, owner: str) -> None:
    books = lines.owners(listing)
    if folded(owner) in {name.casefold() for name in books["owner"]}:
        return  # the owner is known and has no ranked account: an empty list is the answer
    known = ", ".join(books["owner"].head(8))
    raise SettingsError(
        f"Show the list of {owner}.", f"no account has that owner; there are {known}", "Give one of them with --owner."
    )


def _heading(listing: PublishedList, shown: int, owner: str | None) -> Text:
    totals = lines.totals(listing)
    whose = f" of {_safe(owner)}" if owner else ""
    heading = Text(f"Ready to grow on {say_day(listing.snapshot_date)}", style="bold")
    heading.append(
        f"  {shown} shown{whose}, {totals.ranked:,} ranked of {totals.base:,} customers"
        f"  (model {listing.manifest['model_version']})",
        style="not bold dim",
    )
    currency = listing.manifest["serving"]["currency"]
    between = lines.say_range(*totals.expected_range, currency)
    expected = f"\nExpected ARR of the ranked: {lines.say_money(totals.expected_arr, currency)}"
    return heading.append(expected + f" ({between} four times in five)" * bool(between), style="not bold dim")


def _table(rows: list[lines.Entry], currency: str, by_owner: bool) -> Table:
    table = Table(show_lines=False, pad_edge=False, box=None, header_style="bold", padding=(0, 2, 1, 0), expand=True)
    table.add_column("No." if by_owner else "Rank", justify="right", no_wrap=True)
    table.add_column("Account", ratio=3, overflow="fold")
    table.add_column("Likely", justify="right", no_wrap=True)
    table.add_column("ARR", justify="right", no_wrap=True)
    table.add_column("Play", ratio=3)
    table.add_column("Why", ratio=7, overflow="fold")
    for entry in rows:
        who = Text(_safe(entry.name), style="bold").append(
            f"\n{_safe(entry.owner) if entry.owner else 'no owner'}", style="not bold dim"
        )
        play = Text(_safe(f"{entry.motion}: {entry.play}")).append(f"\nby {say_day(entry.act_by)}", style="dim")
        table.add_row(
            str(entry.owner_rank if by_owner else entry.rank),
            who,
            say_propensity(entry.propensity),
            lines.say_money(entry.expected_arr, currency),
            play,
            _why(entry),
        )
    return table


def _why(entry: lines.Entry) -> Text:
    said = [f"- {_safe(why.text)}" for why in lines.best_reasons(entry)]
    return Text("\n".join([*said, lines.KNOWS_LITTLE] if entry.knows_little else said))


def _set_apart(listing: PublishedList) -> Text:
    counts = listing.exclusions("shown_under")["shown_under"].value_counts()
    parts = [f"{counts[under]:,} {under}" for under in SHOWN_UNDER if under in counts]
    without = lines.totals(listing).without_owner
    said = f"Set apart: {', '.join(parts)}." if parts else "No account is set apart."
    return Text(said + (f" Without an owner: {without:,}." if without else ""))


def _safe(text: str) -> str:
    """Text without control characters: a name cannot move the cursor or clear the screen."""
    return "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in text)
