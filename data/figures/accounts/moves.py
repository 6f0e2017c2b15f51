"""The movements of accounts: the ledger by account and day, with classes that hold for the account as a whole.

The ledger classifies each product of an account by itself. What a company reports is of the account, so three of its
classes are read again against what the account paid before and after the day, all its products together:

- What an account pays that paid nothing before is ``new``, or ``reactivation`` if it ever paid: never an expansion.
- What makes an account pay nothing any more is ``churn``.
- A product that ends while the account goes on paying is ``contraction``.

Movements of one day are told by class, and their sum decides what the account pays after the day.
"""

from dataclasses import dataclass
from datetime import date

import ibis.expr.types as ir
import numpy as np
import pandas as pd

from data.contract.vocabulary import MOVEMENT_CLASSES
from data.figures.accounts.calendar import first_of_quarter
from data.ledger.movements import movements
from data.ledger.revenue import all_lines
from data.ledger.rules import ExpansionRules
from data.sources.known import BILLING, KnownBase
from data.sources.partitions import filtered
from data.time_cut import Tables

TODAY_COLUMNS = ("segment", "region", "owner")
"""What figures know of an account as it is today, from ``accounts``."""
LEDGER_COLUMNS = ("account_id", "product", "day", "movement_class", "plan_after", "delta_mrr_e4")
"""What figures read of the ledger: it is held while they do."""
ROWS_PER_PART = 1_250_000
"""Lines and bills whose ledger is made at once: some 1,200 MB."""


@dataclass(frozen=True)
class AccountMoves:
    """What accounts moved, before ``day``.

    ``rows``: one row per account, day and movement class: ``account`` (its place in ``accounts``), ``day``,
    ``movement``, ``delta_mrr_e4``, sorted by account and day. ``accounts``: one row per account that ever moved, by
    ``account_id``: ``segment, region, owner`` as they are today, ``plan``, the one that it began with, and
    ``acquired_on``, the day of its first movement, with its ``acquisition_quarter``.
    """

    day: date
    rows: pd.DataFrame
    accounts: pd.DataFrame


def account_moves(base: KnownBase, rules: ExpansionRules) -> AccountMoves:
    """The movements of a base, as known before its day; of a large one some accounts at a time, to hold less."""
    rows = sum(int(base.tables[name].count().to_pyarrow().as_py()) for name in BILLING if name in base.tables)
    parts, part = max(1, -(-rows // ROWS_PER_PART)), filtered(base.tables)
    read = [_read(base, part(index, parts), rules) for index in range(parts)]
    by_day, plans = (pd.concat(tables, ignore_index=True) for tables in zip(*read, strict=True))
    people = base.tables["accounts"].select("account_id", *TODAY_COLUMNS).distinct(on="account_id", keep="first")
    return moves_of(base.snapshot_date, by_day, plans, people.to_pyarrow().to_pandas())


def _read(base: KnownBase, tables: Tables, rules: ExpansionRules) -> tuple[pd.DataFrame, pd.DataFrame]:
    """``of_the_day`` and ``first_plans`` of some accounts. The lines are read more than once, so they are held."""
    with base.engine.cached({"lines": all_lines(tables, rules, base.snapshot_date)}) as made:
        whole = movements(made["lines"], rules, lineage=False).select(*LEDGER_COLUMNS)
        with base.engine.cached({"ledger": whole}) as held:
            by_day = of_the_day(held["ledger"]).to_pyarrow().to_pandas(date_as_object=False)
            return by_day, first_plans(held["ledger"]).to_pyarrow().to_pandas()


def of_the_day(movements: ir.Table) -> ir.Table:
    """One row per account, day and class of a ledger: ``delta_mrr_e4``."""
    key = ("account_id", "day", "movement_class")
    return movements.group_by(*key).aggregate(delta_mrr_e4=movements.delta_mrr_e4.sum())


def first_plans(movements: ir.Table) -> ir.Table:
    """One row per account: ``plan``, the largest that it began with, as ``product: plan``."""
    firsts = movements.group_by("account_id").aggregate(day=movements.day.min())
    begun = movements.semi_join(firsts, ["account_id", "day"])
    largest = begun.group_by("account_id").aggregate(delta_mrr_e4=begun.delta_mrr_e4.max())
    begun = begun.semi_join(largest, ["account_id", "delta_mrr_e4"])
    has_plan = (begun.plan_after.fill_null("") != "").fill_null(False)
    named = begun.mutate(plan=has_plan.ifelse(begun["product"] + ": " + begun.plan_after, begun["product"]))
    return named.group_by("account_id").aggregate(plan=named.plan.min())


def moves_of(day: date, by_day: pd.DataFrame, plans: pd.DataFrame, people: pd.DataFrame) -> AccountMoves:
    """The movements of accounts from rows ``of_the_day``, their ``first_plans``, and what is known of them today."""
    places, ids = pd.factorize(by_day["account_id"], sort=True)
    rows = pd.DataFrame(
        {
            "account": places,
            "day": by_day["day"].to_numpy("datetime64[D]"),
            "movement": pd.Categorical(by_day["movement_class"], categories=MOVEMENT_CLASSES),
            "delta_mrr_e4": by_day["delta_mrr_e4"].to_numpy("int64"),
        }
    ).sort_values(["account", "day", "movement"], ignore_index=True)
    accounts = pd.DataFrame({"account_id": ids.astype("str")})
    accounts = accounts.merge(people, on="account_id", how="left").merge(plans, on="account_id", how="left")
    accounts["acquired_on"] = rows.groupby("account").day.min().to_numpy("datetime64[D]")
    accounts["acquisition_quarter"] = first_of_quarter(accounts["acquired_on"].to_numpy("datetime64[D]"))
    return AccountMoves(day, whole_account(rows), accounts)


def whole_account(rows: pd.DataFrame) -> pd.DataFrame:
    """The rows with the classes that hold for the whole account, one row per account, day and class."""
    days = rows.groupby(["account", "day"], sort=True).delta_mrr_e4.sum()
    after = days.groupby(level="account").cumsum()
    before = after - days
    paid = (after > 0).groupby(level="account").cummax()
    ever_paid = paid.groupby(level="account").shift(fill_value=False)
    place = rows.groupby(["account", "day"], sort=True).ngroup().to_numpy()
    pays, comes = (after > 0).to_numpy()[place], (before <= 0).to_numpy()[place]
    gains, came_before = rows["delta_mrr_e4"].to_numpy() > 0, ever_paid.to_numpy()[place]
    names = rows["movement"].astype("str").to_numpy(object)
    told = np.select(
        [gains & comes & came_before, gains & comes, ~gains & ~comes & ~pays, (names == "churn") & pays],
        ["reactivation", "new", "churn", "contraction"],
        names,
    )
    classes = pd.Categorical(told, categories=MOVEMENT_CLASSES)
    summed = rows.assign(movement=classes).groupby(["account", "day", "movement"], observed=True, sort=True)
    moved = summed.delta_mrr_e4.sum().reset_index()
    return moved[moved["delta_mrr_e4"] != 0].reset_index(drop=True)
