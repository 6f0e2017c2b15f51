"""Which line renews which, of several contracts of one product: as a plain loop over all pairs would tell."""

from collections import defaultdict
from datetime import date, timedelta

import numpy as np
import pandas as pd
import pytest

from data.contract.inputs import TABLES
from data.ledger.lines import lines, standing
from data.ledger.rules import ExpansionRules
from data.sources.staging import stage
from tests.drawn import table_of
from tests.properties.ledger_by_hand import PlainLine
from tests.properties.ledger_by_hand import standing as plain_standing

# ibis 12.0 asks DuckDB for Arrow in a way that DuckDB 2 will drop; goes with the next ibis.
pytestmark = pytest.mark.filterwarnings("ignore:fetch_arrow_table:DeprecationWarning")

RULES, TODAY = ExpansionRules(), date(2025, 12, 20)
BASES = 400


def drawn_lines(rng: np.random.Generator) -> list[PlainLine]:
    """One to three contracts that are due about the end of a year, and one to three that began in the weeks before."""

    def line(start: date, days: int, due: date | None, due_days: int) -> PlainLine:
        seats = int(rng.choice([5, 10, 10, 15, 20]))
        start += timedelta(days=int(rng.integers(0, days)))
        renews = None if due is None else due + timedelta(days=int(rng.integers(0, due_days)))
        return PlainLine("crm", "pro", seats * 100_000, seats, None, start, None, start, renews)

    dues = (date(2025, 12, 18), date(2025, 12, 30), None)
    olds = [line(date(2025, 1, 1), 4, dues[int(rng.integers(0, 3))], 20) for _ in range(rng.integers(1, 4))]
    return olds + [line(date(2025, 12, 2), 18, date(2026, 12, 2), 30) for _ in range(rng.integers(1, 4))]


def test_a_plain_loop_over_pairs_renews_the_same_lines() -> None:
    rng = np.random.default_rng(7)
    drawn = {f"a{number}": drawn_lines(rng) for number in range(BASES)}
    rows = [
        (account, "crm", "pro", x.mrr_e4 / 10_000, x.seats, x.start, x.renews_on)
        for account, several in drawn.items()
        for x in several
    ]
    columns = ["account_id", "product", "plan", "mrr", "seats", "valid_from", "renews_on"]
    frame = pd.DataFrame(rows, columns=columns, dtype=object)
    told = frame.where(frame.isna(), frame.astype(str))
    tables = {"subscriptions": stage(TABLES["subscriptions"], table_of(told))}
    found = defaultdict(list)
    for row in standing(lines(tables), RULES, by=("account_id",), today=TODAY).to_pyarrow().to_pylist():
        found[row["account_id"]].append((row["seats"], row["renews_on"], row["valid_to"]))
    expected = {
        account: [(x.seats, x.renews_on, x.end) for x in plain_standing(several, RULES, TODAY)]
        for account, several in drawn.items()
    }
    ends = {account: [line for line in several if line[-1]] for account, several in expected.items()}
    assert sum(len(several) > 1 for several in ends.values()) > BASES // 10  # more than one was renewed
    assert {account: sorted(several, key=str) for account, several in found.items()} == {
        account: sorted(several, key=str) for account, several in expected.items()
    }
