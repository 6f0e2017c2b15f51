"""Outcomes that were recorded row by row are read beside the source on every engine, and give the same features."""

from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta

import pyarrow as pa
import pytest

from data.sources.connect import connect
from serving.outcomes.as_outcomes import as_outcomes
from serving.outcomes.outcome import RecordedOutcome
from tests.engines.comparison import differences, features_with
from tests.engines.conftest import Base

pytestmark = pytest.mark.slow
DAYS = (date(2026, 9, 1), date(2026, 10, 1))


@pytest.fixture
def recorded(simulated: Base) -> pa.Table:
    """What was done with the accounts of the base in August and September, one row after the other."""
    accounts = sorted(simulated.source.tables["accounts"].account_id.to_pyarrow().to_pylist())
    actions = ("taken", "snoozed", "disqualified", "won", "reopened", "lost")
    rows = []
    for number in range(3 * len(accounts)):
        day, action = date(2026, 8, 1) + timedelta(days=number // 9), actions[number * 7 % 6]
        rows.append(
            RecordedOutcome(
                id=number + 1,
                at=datetime.combine(day, time(9), UTC),
                account_id=accounts[number * 11 % len(accounts)],
                action=action,
                who="Ana",
                play="seat_limits",
                until=day + timedelta(days=5 + number % 40) if action == "snoozed" else None,
            )
        )
    return as_outcomes(rows, DAYS[-1])


def require_the_same(simulated: Base, url: str, recorded: pa.Table) -> None:
    here = features_with(simulated.source, recorded, DAYS)
    before = features_with(simulated.source, recorded.slice(0, 0), DAYS)
    assert {"play_open", "days_since_not_now"} <= set(differences(here, before))
    with connect(url) as there:
        assert differences(here, features_with(there, recorded, DAYS)) == []


def test_postgres_gives_the_same_features(
    simulated: Base, in_postgres: Callable[[Base], str], recorded: pa.Table
) -> None:
    require_the_same(simulated, in_postgres(simulated), recorded)


def test_spark_gives_the_same_features(simulated: Base, in_spark: Callable[[Base], str], recorded: pa.Table) -> None:
    require_the_same(simulated, in_spark(simulated), recorded)
