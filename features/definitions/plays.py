"""What came of earlier plays."""

import ibis.expr.types as ir

from features.definition import feature

PLAYS = ("outcomes.status", "outcomes.closed_at")


@feature("outcomes", needs=PLAYS, label="Plays under way", unit="plays", reason="play_open", empty=0)
def play_open(t: ir.Table) -> ir.Value:
    return t.count(where=t.status == "open")


@feature(
    "outcomes",
    needs=PLAYS,
    label="Days since the account last said `not now`",
    unit="days",
    reason="not_now",
    missing="never said so",
)
def days_since_not_now(t: ir.Table) -> ir.Value:
    return t.closed_age.min(where=(t.status == "not_now"))


@feature(
    "outcomes", needs=PLAYS, label="Days since a play was won", unit="days", reason="play_won", missing="none was won"
)
def days_since_won(t: ir.Table) -> ir.Value:
    return t.closed_age.min(where=(t.status == "won"))
