"""What an account's page shows piece by piece: its contract lines, teams, roles, champions and tickets.

A function gets the views of some accounts, which are cut at the snapshot, and returns one row per piece. Of each kind
the first of an account are taken by a total order, so that they are the same on every engine. Who somebody is, is not
among them: people are counted by team and role. Meanings: ``data.contract.outputs.ACCOUNT_FACTS``.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from types import MappingProxyType

import ibis
import ibis.expr.types as ir
import pyarrow as pa

from data.contract.outputs import ACCOUNT_FACTS, CHAMPION, LINE, MOST_FACTS, ROLE, TEAM, TICKET, OutputKind
from data.contract.vocabulary import E4, KEY
from features.calendar import HALF_YEAR_DAYS, MONTH_DAYS, YEAR_DAYS
from features.definition import is_there, ratio
from features.unknown_use import UnknownUse
from features.views.account import Views

CHAMPION_EVENTS = ("champion_promoted", "champion_left")
_TYPES = {OutputKind.TEXT: "string", OutputKind.NUMBER: "float64", OutputKind.WHOLE: "int64",
          OutputKind.YES_NO: "boolean", OutputKind.DAY: "date"}  # fmt: skip
COLUMNS = {column.name: _TYPES[column.kind] for column in ACCOUNT_FACTS.columns}
SCHEMA = ibis.schema(COLUMNS).to_pyarrow()
Days = Mapping[str, Sequence[date]]
USER_IDS = ("usage.user_ids",)
"""What says who of the users is active."""
ACTIVE = "active_users"
Has = Callable[[str], bool]
"""Is a table or a column of the contract there?"""


@dataclass(frozen=True)
class FactSource:
    """One kind of facts and the function that finds them; ``needs`` as of a feature."""

    kind: str
    needs: tuple[str, ...]
    rows: Callable[[Views, Has], ir.Table]


_SOURCES: list[FactSource] = []


def _facts(kind: str, *needs: str) -> Callable[[Callable[[Views, Has], ir.Table]], Callable[[Views, Has], ir.Table]]:
    def register(rows: Callable[[Views, Has], ir.Table]) -> Callable[[Views, Has], ir.Table]:
        _SOURCES.append(FactSource(kind, needs, rows))
        return rows

    return register


def fact_needs() -> dict[str, tuple[str, ...]]:
    """What the facts of each kind are read from, and beside it their one column of another table."""
    return {source.kind: source.needs for source in _SOURCES} | {ACTIVE: USER_IDS}


def account_facts(
    views: Views, absent: frozenset[str], muted: Days = MappingProxyType({}), unknown: UnknownUse | None = None
) -> pa.Table:
    """The facts of the accounts of these views: one query for each kind; the columns are those of ``ACCOUNT_FACTS``.

    ``muted``: by the names of ``fact_needs`` the snapshots at which these are not known: no facts, and null.
    ``unknown``: accounts of whose use the same holds.
    """
    there = set(views.tables)

    def has(need: str) -> bool:
        return is_there(need, there, absent)

    found = (_in_full(source, views, has, muted, unknown) for source in _SOURCES if all(map(has, source.needs)))
    return pa.concat_tables([SCHEMA.empty_table(), *(rows.to_pyarrow().cast(SCHEMA) for rows in found)])


def _in_full(source: FactSource, views: Views, has: Has, muted: Days, unknown: UnknownUse | None) -> ir.Table:
    """The facts of one kind with every column; what a kind has not is null."""
    rows = source.rows(views, has).mutate(kind=ibis.literal(source.kind))
    if source.kind in muted:
        rows = rows.filter(rows.snapshot_date.notin(muted[source.kind]))
    if ACTIVE in muted and ACTIVE in rows.columns:
        rows = rows.mutate(active_users=rows.snapshot_date.isin(muted[ACTIVE]).ifelse(ibis.null("int64"), rows[ACTIVE]))
    if unknown is not None:
        rows = unknown.without(rows) if source.kind in unknown.names else unknown.left_out(rows)
    return rows.select(
        **{name: (rows[name] if name in rows.columns else ibis.null(kind)).cast(kind) for name, kind in COLUMNS.items()}
    )


def _first(view: ir.Table, by: Sequence[ir.Value], **columns: ir.Value) -> ir.Table:
    """The first rows of each account and snapshot, with their place: by an order, and of equals by all their columns.

    ``by`` is rising. A column that stood there falling would be taken for the rising one that ends the order.
    """
    order = ibis.window(group_by=list(KEY), order_by=[*by, *columns.values()])
    placed = view.select(
        *KEY,
        position=ibis.row_number().over(order) + 1,
        of_kind=ibis._.count().over(ibis.window(group_by=list(KEY))),
        **columns,
    )
    return placed.filter(placed.position <= MOST_FACTS)


@_facts(LINE, "subscriptions")
def lines(views: Views, _: Has) -> ir.Table:
    known = views.lines.filter(views.lines.end_age.isnull() | (views.lines.end_age <= YEAR_DAYS))
    is_open = known.valid_to.isnull()
    return _first(
        known,
        (known.valid_to.notnull(), known.age),
        title=known["product"],
        reference=known.contract_id,
        plan=known.plan,
        seats=known.seats,
        mrr=ratio(known.mrr_e4, E4),
        began_on=known.valid_from,
        is_open=is_open,
        ended_on=known.valid_to,
        renews_on=known.renews_on,
        notice_on=known.notice_on,
    )


@_facts(TEAM, "users.created_at", "users.team")
def teams(views: Views, has: Has) -> ir.Table:
    return _users_by(views, has, "team")


@_facts(ROLE, "users.created_at", "users.role")
def roles(views: Views, has: Has) -> ir.Table:
    return _users_by(views, has, "role")


def _users_by(views: Views, has: Has, column: str) -> ir.Table:
    """One row per team or role with users: so many, how many of them are active, and since when there is one."""
    users = views.users.select(*KEY, "user_id", "created_on", title=column, is_there=ibis._.deactivated_on.isnull())
    unknown = ibis.null("int64")
    if all(map(has, USER_IDS)):
        used = views.active_users.select(*KEY, "user_id", "last_age")
        users = users.left_join(used, [*KEY, "user_id"]).select(*users.columns, "last_age")
        is_active = users.is_there & (users.last_age <= MONTH_DAYS).fill_null(False)
        unknown = is_active.ifelse(1, 0).sum()
    grouped = users.group_by(*KEY, "title").aggregate(
        users=users.is_there.ifelse(1, 0).sum(), active_users=unknown, began_on=users.created_on.min()
    )
    grouped = grouped.filter(grouped.users > 0)
    return _first(
        grouped,
        (grouped.title.isnull(), -grouped.users),
        **{name: grouped[name] for name in ("title", "users", "active_users", "began_on")},
    )


@_facts(CHAMPION, "crm_events")
def champions(views: Views, _: Has) -> ir.Table:
    events = views.crm.filter(views.crm.kind.isin(CHAMPION_EVENTS) & (views.crm.age <= YEAR_DAYS))
    return _first(events, (events.age,), title=events.kind, began_on=events.occurred_on)


@_facts(TICKET, "tickets")
def tickets(views: Views, has: Has) -> ir.Table:
    known, tells_end = views.tickets, has("tickets.closed_at")
    is_open = known.closed_on.isnull()
    is_recent = known.age <= HALF_YEAR_DAYS
    known = known.filter(is_recent | is_open if tells_end else is_recent)
    is_open = known.closed_on.isnull() if tells_end else ibis.null("boolean")
    return _first(
        known,
        (known.closed_on.notnull(), known.age),
        title=known.kind,
        reference=known.ticket_id,
        feature=known.feature,
        severity=known.severity,
        csat=ratio(known.csat_e4, E4),
        began_on=known.opened_on,
        is_open=is_open,
        ended_on=known.closed_on,
    )
