"""Short lists: the first accounts of an order, without what the settings leave out; and an owner's, which holds still.

A short list changes no rank. Who is left out of it is counted.
"""

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

import numpy as np
import pandas as pd

from data.contract.outputs import NO_OWNER
from serving.ranking.rank import RANK_KEYS, order

CHECK_IN = "Check in"
"""The kind of a row whose play has no motion."""


class Order(StrEnum):
    """What comes first."""

    LIKELIHOOD = "likelihood"
    STAKE = "stake"


BY = {Order.LIKELIHOOD: "propensity", Order.STAKE: "expected_arr"}
"""The column that an order falls by."""
ORDER_OF = {column: by for by, column in BY.items()}
"""The order that a list ranked by that column is in."""
NEEDED = ("account_id", "group_id", "owner", "eligible", "motion", "play", *RANK_KEYS)
"""What is read of ``scores``."""


@dataclass(frozen=True)
class Picked:
    """The accounts of a short list with their places in the whole order, and how many it passes over on the way.

    ``waiting``: those ahead of one that stays, and not clearly. ``more_of_group``: of each account that stands for its
    group of companies, how many more of it the order has.
    """

    places: dict[str, int]
    below_floor: int
    over_cap: int
    of: int
    of_group: int = 0
    waiting: int = 0
    more_of_group: dict[str, int] = field(default_factory=dict)


def in_order(scores: pd.DataFrame, by: Order, check_ins: Collection[str]) -> pd.DataFrame:
    """The ranked accounts in an order: account_id, group_id, owner, kind (motion, or a check-in), ``RANK_KEYS``.

    ``scores`` has the columns ``NEEDED``; ``check_ins`` are the codes of the plays without a motion.
    """
    ranked = scores[scores["eligible"].astype(bool)]
    ranked = ranked.iloc[order(ranked, BY[by])]
    kinds = np.where(ranked["play"].isin(check_ins), CHECK_IN, ranked["motion"].to_numpy(object))
    owners = ranked["owner"].fillna(NO_OWNER)
    return pd.DataFrame({**ranked[["account_id", "group_id", *RANK_KEYS]], "owner": owners, "kind": kinds})


def pick(ordered: pd.DataFrame, settings: Mapping[str, Any], limit: int, held: Collection[str] | None = None) -> Picked:
    """The first ``limit`` accounts of an order (``in_order``), or as many of those ``held``.

    ``settings``: ``min_expected_arr``, ``max_per_motion`` and ``one_per_group`` of the serving settings, none of which
    an old list has.
    """
    floor, cap = settings.get("min_expected_arr"), settings.get("max_per_motion")
    is_one_each = settings.get("one_per_group", False)
    stands_for: dict[str, str] = {}
    places: dict[str, int] = {}
    kinds: Counter[str] = Counter()
    below = over = of_group = waiting = 0
    of_held = limit if held is None else min(limit, len(held))
    rows = zip(ordered["account_id"], ordered["group_id"], ordered["kind"], ordered["expected_arr"], strict=True)
    for place, (account, group, kind, arr) in enumerate(rows, start=1):
        if len(places) == limit:
            break
        if group in stands_for:
            of_group += 1
        elif floor is not None and arr < floor:  # what is not known is not below it
            below += 1
        elif cap is not None and kinds[kind] == cap:
            over += 1
        elif held is not None and account not in held:
            waiting += len(places) < of_held
        else:
            kinds[kind] += 1
            places[str(account)] = place
            if is_one_each and not pd.isna(group):
                stands_for[group] = str(account)
    sizes = ordered["group_id"].value_counts()
    more = {account: int(sizes[group]) - 1 for group, account in stands_for.items()}
    return Picked(places, below, over, len(ordered), of_group, waiting, more)


def listed(
    ordered: pd.DataFrame, by: Order, settings: Mapping[str, Any], limit: int, before: Collection[str]
) -> frozenset[str]:
    """Who is on the short list of its owner: who was stays until another that would take its place is clearly ahead.

    ``before``: who was on the last one. Clearly ahead: its odds, or its expected ARR, are ``clearly_ahead`` times those
    of the account that would go. So the places that change hands are those that a likelihood tells apart.
    """
    value = ordered[BY[by]].astype("float64")
    if by is Order.LIKELIHOOD:
        value = value / (1 - value).clip(lower=np.finfo(np.float64).tiny)
    value = value.where(~ordered["account_id"].isin(list(before)), value * (settings.get("clearly_ahead") or 1.0))
    in_turn = ordered.iloc[np.argsort(-value.to_numpy(), kind="stable")]
    return frozenset(account for _, book in in_turn.groupby("owner") for account in pick(book, settings, limit).places)


OF_DUE = ("snapshot_date", "act_by", "listed_since", "renews_on")
"""What is read of ``scores`` to say when an account is due."""


def due_on(scores: pd.DataFrame) -> pd.Series:
    """By when each account is to be acted on, as was told when it came on the short list; missing where it is on none.

    ``scores``: ``OF_DUE``. Every list sets a new ``act_by``: whoever waits for the next one would otherwise never be
    late. A day that was brought forward to the renewal does not move with the lists.
    """
    day, act_by, since, renews_on = (pd.to_datetime(scores[name]) for name in OF_DUE)
    due = act_by - (day - since)
    return due.where((act_by != renews_on) | due.isna(), act_by)


def came_and_went(scores: pd.DataFrame, before: Collection[str]) -> dict[str, int]:
    """How much of the owners' short lists is new, and what became of who stood there before; counts of accounts.

    ``scores`` of the whole base, with ``listed`` and ``eligible``; ``before``: who was listed on the last list.
    """
    was = scores["account_id"].isin(list(before))
    return {
        "stayed": int((was & scores["listed"]).sum()),
        "came": int((~was & scores["listed"]).sum()),
        "overtaken": int((was & ~scores["listed"] & scores["eligible"]).sum()),
        "set_apart": int((was & ~scores["eligible"]).sum()),
        "no_customer": len(before) - int(was.sum()),
    }
