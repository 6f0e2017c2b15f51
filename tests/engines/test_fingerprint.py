"""Every engine tells when the rows of a table have changed, and that another order of them is no change."""

from collections.abc import Callable

import ibis
import pytest

from data.sources.connect import connect
from data.sources.known import Source
from tests.engines.conftest import Base

pytestmark = pytest.mark.slow


def holds(source: Source) -> None:
    """The fingerprint of a table is that of its rows, whatever their order."""
    tickets = source.tables["tickets"]
    told = source.engine.fingerprint(tickets)
    assert told is not None
    assert told.partition(":")[0] == f"{source.con.name} {source.con.version}"
    assert told == source.engine.fingerprint(tickets.order_by(ibis.desc("ticket_id")))
    is_first = tickets.ticket_id == tickets.ticket_id.min().as_scalar()
    for changed in (
        tickets.mutate(feature=is_first.ifelse("another", tickets.feature)),
        tickets.mutate(feature=is_first.ifelse(ibis.null("string"), tickets.feature)),
        tickets.mutate(csat=is_first.ifelse(1.25, tickets.csat)),
        tickets.filter(~is_first),
    ):
        assert source.engine.fingerprint(changed) != told


def test_postgresql(simulated: Base, in_postgres: Callable[[Base], str]) -> None:
    with connect(in_postgres(simulated)) as source:
        holds(source)


def test_spark(simulated: Base, in_spark: Callable[[Base], str]) -> None:
    with connect(in_spark(simulated)) as source:
        holds(source)
