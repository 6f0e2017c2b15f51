"""Dates that are not ISO: the order of day and month is told where the column shows it, and never guessed."""

import ibis
import pytest

from data.sources import day_order

DRAWN = {
    "either way": (
        ["02/02/2024", "02/01/2024", "11/04/2024"],
        "Whether the day or the month comes first cannot be known: '02/01/2024' is 2024-01-02 or 2024-02-01.",
        ["'%d/%m/%Y')` if the day comes first", "'%m/%d/%Y')` if the month does"],
    ),
    "one day says it": (
        ["02/01/2024", "25/12/2024"],
        "The day comes first, as '25/12/2024' shows.",
        ["`strptime(split_part(paid_on, ' ', 1), '%d/%m/%Y')`."],
    ),
    "one month says it": (
        ["2.1.24 10:30", "12.25.24 09:00"],
        "The month comes first, as '12.25.24' shows.",
        ["`strptime(split_part(paid_on, ' ', 1), '%m.%d.%y')`."],
    ),
    "both in one column": (
        ["25-12-2024", "12-25-2024"],
        "Some have the day first ('25-12-2024'), some the month ('12-25-2024').",
        ["which rows are which"],
    ),
}


def values(texts: list[str]) -> ibis.ir.StringValue:
    return ibis.memtable([(text,) for text in texts], schema={"value": "string"}).value


@pytest.mark.parametrize("case", DRAWN)
def test_what_the_column_shows_is_said_and_what_to_do(case: str) -> None:
    texts, found, todo = DRAWN[case]
    told = day_order.told("paid_on", values(texts))
    assert told is not None
    assert told[0] == found
    assert all(words in told[1] for words in todo)
    assert told[1].startswith("Dates are read as 2024-12-31.")


@pytest.mark.parametrize("text", ["soon", "2024/13/01", "31/31/2024", "00/01/2024", "1.2", "1/2/3/4"])
def test_what_is_no_such_date_has_no_order(text: str) -> None:
    assert day_order.told("paid_on", values([text])) is None
