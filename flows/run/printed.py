"""What a command prints for people: lines and tables, in which no name moves the cursor or turns the line."""

from collections.abc import Iterable

from rich import box
from rich.console import Console
from rich.table import Table

from data.shown.text import for_terminal


def print_line(text: object) -> None:
    """Print a text: a line, or as many as it has."""
    print(for_terminal(str(text)))


def print_lines(lines: Iterable[object]) -> None:
    """Print each as soon as it is there."""
    for line in lines:
        print_line(line)


def print_table(header: Iterable[str], rows: Iterable[Iterable[object]], width: int = 240) -> None:
    """Print a table; ``width`` in letters where it goes to no terminal. None is an empty cell."""
    table = Table(*map(for_terminal, header), box=box.SIMPLE_HEAD)
    for row in rows:
        table.add_row(*("" if cell is None else for_terminal(str(cell)) for cell in row))
    Console(width=None if Console().is_terminal else width, markup=False, emoji=False, highlight=False).print(table)


def print_as_is(text: str) -> None:
    """Print what another program reads, such as JSON or SQL."""
    print(text)
