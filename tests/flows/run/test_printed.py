"""What commands print: a name of the base can neither move the cursor nor turn the line."""

import pytest

from flows.run.printed import print_as_is, print_line, print_lines, print_table

NAME = "\x1b[2JAc\u202eme :cat: [red]"
SHOWN = "\N{REPLACEMENT CHARACTER}[2JAc\N{REPLACEMENT CHARACTER}me :cat: [red]"


def test_a_name_in_a_line_is_printed_without_what_a_terminal_obeys(capsys: pytest.CaptureFixture[str]) -> None:
    print_line(f"account {NAME}")
    print_lines(f"{number}: {NAME}" for number in (1, 2))
    assert capsys.readouterr().out == f"account {SHOWN}\n1: {SHOWN}\n2: {SHOWN}\n"


def test_a_name_in_a_table_is_too_also_at_its_head(capsys: pytest.CaptureFixture[str]) -> None:
    print_table(("account", NAME), [("a", NAME), (7, None)])
    head, rule, *rows = [line.split() for line in capsys.readouterr().out.splitlines() if line.strip()]
    assert (head, rows) == (["account", *SHOWN.split()], [["a", *SHOWN.split()], ["7"]])
    assert len(rule) == 1


def test_what_a_program_reads_is_as_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    print_as_is(f"select '{NAME}'")
    assert capsys.readouterr().out == f"select '{NAME}'\n"
