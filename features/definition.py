"""What a feature is: one small function, and the words that go with it.

A feature over a *view* gets the view's rows of one account and snapshot and returns an aggregate. A feature over the
*row* gets the finished aggregates and returns an expression of them. Neither sees a date: the views are already cut at
the snapshot, so a feature cannot leak unless a view leaks.

    @feature("daily", windows=(28, 91), label="Events in {days} days", unit="events", reason="usage_level", empty=0)
    def events(t, days):
        return t.events.sum(where=t.age <= days)

defines ``events_28d`` and ``events_91d``. The model's columns, the catalogue, the reasons and the docs follow from it.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import ibis
import ibis.expr.types as ir

from data.contract.feature_card import Direction, FeatureCard

ROW = "row"
"""The view of features that are computed from the finished aggregates."""

PEERS = "peers"
"""The view of features that compare finished rows of one snapshot: its rows, with each account's segment and size."""

GROUP = "group"
"""The view of features that look at finished rows of one group of companies: its rows, with each account's group."""

PARENTS = "accounts.parent_id"
"""What says who is of one group."""

OF_FINISHED_ROWS = (PEERS, GROUP)
"""The views that are the finished rows of one snapshot."""

WHOLE_BASE = ("look_alikes", "group_products")
"""The views that see all customers of a snapshot: made once for the base, not for each shard."""

CONTRACTS = "contracts"
"""The group of tables that says who is a customer."""

GROUPS = {
    "usage": ("usage_events", "usage_daily"),
    "usage.users": ("usage_events.user_id", "usage_daily.user_id", "usage_daily.active_users"),
    "usage.user_ids": ("usage_events.user_id", "usage_daily.user_id"),
    CONTRACTS: ("subscriptions", "invoices"),
}
"""Names for tables, or columns, of which one is enough; a feature may need a group like a table.

Of columns, those of the first table that is there are asked for, and one of them is enough: usage is never read from
both tables.
"""

Expression = Callable[[ir.Table], ir.Value]


@dataclass(frozen=True)
class Feature:
    """One column of a feature row: its card, the view it reads, and its expression.

    ``needs`` names tables (``tickets``) and columns (``tickets.closed_at``) as the contract does: without one of them
    the feature is absent, for a column full of nulls would read as zero. A feature over the row needs what its steps
    need. ``empty`` is the value for an account without a row in the view (0 for counts, None: missing). A feature
    without a card is a step on the way to others and is not shown to the model. ``area``: the module that defines it.
    """

    name: str
    view: str
    expression: Expression
    needs: tuple[str, ...]
    card: FeatureCard | None = None
    empty: int | None = None
    area: str = ""


@dataclass
class Registry:
    """The features in the order in which they were defined."""

    features: dict[str, Feature] = field(default_factory=dict)

    def add(self, feature: Feature) -> None:
        if feature.name in self.features:
            raise ValueError(f"two features are called {feature.name}")
        self.features[feature.name] = feature

    def arrange(self, areas: Sequence[str]) -> None:
        """Put the features in the order of the areas, and within an area as they were defined.

        The order of the model's columns is then nobody's order of imports. Raises ``ValueError`` for another area.
        """
        places = {area: place for place, area in enumerate(areas)}
        strangers = sorted({feature.area for feature in self.features.values()} - places.keys())
        if strangers:
            raise ValueError(f"features are defined in {', '.join(strangers)}, which is no business area")
        self.features = dict(sorted(self.features.items(), key=lambda item: places[item[1].area]))

    def available(self, tables: Iterable[str], absent: frozenset[str] = frozenset()) -> list[Feature]:
        """The features whose tables and columns are there; ``absent`` names the columns that are not."""
        there = set(tables)
        return [f for f in self.features.values() if all(is_there(need, there, absent) for need in f.needs)]


def table_of(need: str) -> str:
    """The table, or the group of tables, that a need is about."""
    return need.partition(".")[0]


def is_there(need: str, tables: set[str], absent: frozenset[str]) -> bool:
    """Is what a feature needs there: the table, or one of the group, with its column?"""
    members = [member for member in GROUPS.get(need, (need,)) if table_of(member) in tables]
    return any(member not in absent for member in members if table_of(member) == table_of(members[0]))


def read_tables(needs: Iterable[str], tables: Iterable[str]) -> set[str]:
    """The tables that what ``needs`` these is read from, of those that are there; of a group the first.

    That there is a customer (``contracts``) is no reading of bills: it is known whoever sends them.
    """
    there, met = set(tables), set()
    for need in needs:
        if need != CONTRACTS:
            met.update([table_of(m) for m in GROUPS.get(need, (need,)) if table_of(m) in there][:1])
    return met


REGISTRY = Registry()


@dataclass(frozen=True)
class Words:
    """What people read of a feature; ``{days}`` in the label is the window."""

    label: str
    unit: str
    reason: str
    direction: Direction = Direction.UNKNOWN
    missing: str = "nothing in the window"
    actionable: bool = False


def feature(
    view: str,
    *,
    needs: tuple[str, ...],
    windows: tuple[int, ...] = (),
    empty: int | None = None,
    lookback_days: int | None = None,
    **words: Any,
) -> Callable[[Callable[..., ir.Value]], Callable[..., ir.Value]]:
    """Register a feature with its ``Words``, or one per window: ``name_28d`` for 28 days."""
    said = Words(**words)

    def register(function: Callable[..., ir.Value]) -> Callable[..., ir.Value]:
        for name, expression, days in _windowed(function, windows):
            card = FeatureCard(
                name=name,
                label=said.label.format(days=days),
                unit=said.unit,
                direction=said.direction,
                missing="0: " + said.missing if empty == 0 else said.missing,
                reason_code=said.reason,
                actionable=said.actionable,
                tables=tuple(dict.fromkeys(map(table_of, needs))),
                window_days=days or lookback_days,
            )
            REGISTRY.add(Feature(name, view, expression, needs, card, empty, function.__module__))
        return function

    return register


def step(
    view: str, *, needs: tuple[str, ...], windows: tuple[int, ...] = (), empty: int | None = None
) -> Callable[[Callable[..., ir.Value]], Callable[..., ir.Value]]:
    """Register an aggregate that features over the row are computed from, without being a feature itself."""

    def register(function: Callable[..., ir.Value]) -> Callable[..., ir.Value]:
        for name, expression, _ in _windowed(function, windows):
            REGISTRY.add(Feature(name, view, expression, needs, None, empty, function.__module__))
        return function

    return register


def _windowed(
    function: Callable[..., ir.Value], windows: tuple[int, ...]
) -> Iterable[tuple[str, Expression, int | None]]:
    """``(name, expression, days)`` of a function, one for each window."""
    if not windows:
        yield function.__name__, function, None
    for days in windows:
        yield f"{function.__name__}_{days}d", partial(function, days=days), days


def ratio(numerator: ir.NumericValue, denominator: ir.NumericValue | int) -> ir.FloatingValue:
    """The only division: in double on every engine, missing where the denominator is 0.

    A bare ``/`` is integer division on PostgreSQL and a DECIMAL on Spark.
    """
    if isinstance(denominator, int):
        denominator = ibis.literal(denominator, "int64")
    return numerator.cast("float64") / denominator.cast("float64").nullif(0)


def share_of_rows(t: ir.Table, condition: ir.BooleanValue) -> ir.FloatingValue:
    """The share of a view's rows for which the condition holds; where it is unknown it does not hold.

    Counting by a condition that is unknown on every row gives null on Spark, and 0 elsewhere.
    """
    return ratio(t.count(where=condition.fill_null(False)), t.count())


def growth(now: ir.NumericValue, before: ir.NumericValue) -> ir.FloatingValue:
    """Relative change ``now / before - 1``; missing where there was nothing before (or only credits)."""
    return ratio(now - before, (before > 0).ifelse(before, ibis.null("int64")))
