"""Tables for people, on a terminal or in what a command printed."""

from rich.console import Console
from rich.table import Table


def print_table(table: Table, width: int = 240) -> None:
    """Print a table; ``width`` in letters where it goes to no terminal."""
    Console(width=None if Console().is_terminal else width, markup=False, highlight=False).print(table)
