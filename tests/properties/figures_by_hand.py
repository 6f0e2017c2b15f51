"""The company's figures a second time, in plain loops over ``account_movements`` and ``figure_accounts`` alone."""

from collections import defaultdict
from datetime import date
from typing import Any

import pandas as pd

from data.contract.vocabulary import MOVEMENT_CLASSES

Moves = dict[str, list[tuple[date, str, int]]]


def moves_by_account(tables: dict[str, pd.DataFrame]) -> Moves:
    """The movements of each account: month, class, amount."""
    moves: Moves = defaultdict(list)
    for row in tables["account_movements"].itertuples():
        moves[row.account_id].append((row.month.date(), row.movement, row.mrr_e4))
    return moves


def members(tables: dict[str, pd.DataFrame], dimension: str, name: str | None) -> list[str]:
    """The accounts of a slice, by the table of accounts."""
    found = []
    for row in tables["figure_accounts"].to_dict("records"):
        value = "all" if dimension == "all" else row[dimension]
        if dimension == "acquisition_quarter":
            value = f"{value.year} Q{value.quarter}"
        if value == name or (pd.isna(value) and pd.isna(name)):
            found.append(row["account_id"])
    return found


def later(month: date, months: int) -> date:
    """The month so many months later."""
    count = month.year * 12 + month.month - 1 + months
    return date(count // 12, count % 12 + 1, 1)


def plain_bridge(moves: Moves, accounts: list[str], month: date) -> dict[str, int]:
    """One row of the bridge."""
    row = dict.fromkeys(["mrr_start_e4", *(f"{name}_e4" for name in MOVEMENT_CLASSES), "mrr_end_e4"], 0)
    for account in accounts:
        for when, movement, amount in moves[account]:
            if when < month:
                row["mrr_start_e4"] += amount
            if when == month:
                row[f"{movement}_e4"] += amount
            if when <= month:
                row["mrr_end_e4"] += amount
    return row


def plain_retention(moves: Moves, accounts: list[str], month: date, months: int) -> dict[str, Any]:
    """One row of retention."""
    begins = later(month, 1 - months)
    row = dict.fromkeys(("accounts", "start_e4", "expansion_e4", "contraction_e4", "churn_e4", "end_e4", "price_e4"), 0)
    for account in accounts:
        start = sum(amount for when, _, amount in moves[account] if when < begins)
        end = sum(amount for when, _, amount in moves[account] if when <= month)
        price = sum(amount for when, name, amount in moves[account] if begins <= when <= month and name == "price")
        if start <= 0:
            continue
        row["accounts"] += 1
        row["start_e4"] += start
        row["end_e4"] += end
        if end > start:
            row["expansion_e4"] += end - start
        elif end > 0:
            row["contraction_e4"] += start - end
        else:
            row["churn_e4"] += start
        if end > 0:
            row["price_e4"] += min(price, end)
    return row


def plain_orders(tables: dict[str, pd.DataFrame]) -> dict[tuple[Any, Any], list[int]]:
    """By quarter and order of motions: accounts, what they pay now."""
    orders: dict[tuple[Any, Any], list[int]] = defaultdict(lambda: [0, 0])
    for row in tables["figure_accounts"].to_dict("records"):
        sums = orders[row["acquisition_quarter"], None if pd.isna(row["motions"]) else row["motions"]]
        sums[0] += 1
        sums[1] += row["mrr_e4"]
    return orders


def assert_sums_of_accounts(tables: dict[str, pd.DataFrame]) -> None:
    """Every row of the bridge, of retention and of the orders of motions is what plain loops over accounts come to."""
    moves = moves_by_account(tables)
    for row in tables["bridge"].to_dict("records"):
        plain = plain_bridge(moves, members(tables, row["dimension"], row["slice"]), row["month"].date())
        assert {name: row[name] for name in plain} == plain, row
    for row in tables["retention"].to_dict("records"):
        accounts = members(tables, row["dimension"], row["slice"])
        plain = plain_retention(moves, accounts, row["month"].date(), row["months"])
        assert {name: row[name] for name in plain} == plain, row
    assert plain_orders(tables) == {
        (row["acquisition_quarter"], None if pd.isna(row["motions"]) else row["motions"]): [
            row["accounts"],
            row["mrr_e4"],
        ]
        for row in tables["motion_orders"].to_dict("records")
    }
