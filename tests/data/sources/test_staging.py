"""Casts at their edges: what does not fit is missing, and so reported; nothing crashes."""

from datetime import date
from typing import Any

import ibis
import pytest

from data.contract.inputs import Kind
from data.sources.staging import cast


@pytest.mark.parametrize(
    ("value", "kind", "staged"),
    [
        ("infinity", Kind.CLOCK, date(9999, 12, 31)),
        ("2026-07-01T00:30:00+02:00", Kind.CLOCK, date(2026, 6, 30)),
        ("2026-07-01", Kind.CLOCK, date(2026, 7, 1)),
        ("soon", Kind.CLOCK, None),
        ("02/01/24", Kind.CLOCK, None),
        ("24-01-02", Kind.CLOCK, None),
        ("0001-01-01", Kind.CLOCK, date(1, 1, 1)),  # what some systems write for never
        ("", Kind.CLOCK, None),
        ("4611686018427387904", Kind.COUNT, None),
        ("1e300", Kind.COUNT, None),
        ("2.0", Kind.COUNT, 2),
        ("2.5", Kind.COUNT, None),
        ("800000000000000", Kind.MONEY, None),
        ("10.005", Kind.MONEY, 100_050),
        ("nan", Kind.MONEY, None),
        ("17850.0", Kind.ID, "17850"),
        ("17850.00", Kind.ID, "17850"),
        ("-5.0", Kind.ID, "-5"),
        ("a.0", Kind.ID, "a.0"),
        ("1.2.0", Kind.ID, "1.2.0"),
        ("10", Kind.ID, "10"),
    ],
)
def test_a_value_is_cast_or_missing(value: str, kind: Kind, staged: Any) -> None:
    raw = ibis.memtable([(value,)], schema={"value": "string"})
    assert raw.select(staged=cast(raw.value, kind)).to_pyarrow().to_pylist() == [{"staged": staged}]


def test_a_truth_value_that_is_missing_is_not_false() -> None:
    raw = ibis.memtable([(True,), (False,), (None,)], schema={"value": "boolean"})
    assert raw.select(staged=cast(raw.value, Kind.COUNT)).to_pyarrow()["staged"].to_pylist() == [1, 0, None]
