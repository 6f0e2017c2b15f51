"""Plans that seem to be one plan under two names: going from one to the other would count as an upsell."""

import re
from collections.abc import Iterator
from typing import Any

import ibis
import ibis.expr.types as ir
import pandas as pd

from data.checks.report import ROWS_KEPT, Finding, Severity, many, money

RENAMED_SHARE, RENAMED_ACCOUNTS, SUCCEEDED_ACCOUNTS = 0.8, 5, 2
"""A name was changed for everybody, if so large a share of those who went over did on one day, and more than stayed: so
many accounts, or these few where nobody has the old name since and nobody had the new one before."""
LISTED = 5
"""So many pairs of plans are named."""
PAIR = ("product", "plan_before", "plan_after")
BY_TIERS = "plan_tiers"
"""The rule of plans that tiers tell apart, which may say no more than which one is the dearer."""
CURRENCY_CODES = "usd|eur|gbp|chf|cad|aud|jpy|sek|nok|dkk|inr|brl|mxn|sgd|nzd|pln"
TERM = re.compile(
    r"\b([0-9]+[ -]?((?-i:m)|y|months?|years?)|(6|12|18|24|36|48|60)[ -]?m|annual(ly)?|yearly|(half[ -]?)?years?"
    r"|half[ -]?yearly|biannual|biennial|quarter(ly|s)?|month(ly|s)?|weekly|p\.[amq]|prepaid|upfront"
    rf"|{CURRENCY_CODES})\b|/ ?(mo|month|yr|year|user|seat)\b",
    re.IGNORECASE,
)
"""Words of a plan's name that say how, and in which currency, it is paid. 10M are ten millions, 10m are months."""
CODES_BEFORE = CURRENCY_CODES.replace("|cad", "")
"""CAD 2D is a drawing."""
PRICE = re.compile(
    rf"([$€£¥] ?[0-9][0-9.,]*+|[0-9][0-9.,]*+ ?[$€£¥](?! ?[0-9])|\b({CODES_BEFORE}) ?[0-9][0-9.,]*+"
    rf"|\b[0-9][0-9.,]*+ ?({CURRENCY_CODES})\b)(?=[\s,;:|-]*($|[/)\]]|(an?|billed|each|paid|per)\b|{TERM.pattern}))",
    re.IGNORECASE,
)
"""An amount of a plan's name with its currency, where the name ends or goes on with how it is paid: $100 credits are
what is sold, as are $10k. What follows it (/mo) is a term."""
AMOUNT_SOLD = re.compile(
    r"\b(up to|over|under|below|above|than|[agm]rr|gmv|revenue|spend|credits?|budget|volume|balance|limit|cap)\b"
    r"|[<>≤≥]|[0-9]\+|[0-9] ?(to|-|–) ?[$€£¥]",
    re.IGNORECASE,
)
"""Words of a name whose amounts say how much of something is sold."""
BESIDE_TERM = re.compile(r"\b(per|billed|billing|term|paid)\b", re.IGNORECASE)
"""Words that do so beside one of these; alone they may be what is sold (billing)."""


def plans_alike(changes: ir.Table, lines: ir.Table) -> Iterator[Finding]:
    """Upsells from one plan to another that may be the same one; ``changes`` are those of the ledger of the ``lines``.

    Where no tier tells them apart it is an error, for nothing was bought: until the names are one, or tiers say which
    plan is the higher one. Tiers may say no more than which plan is the dearer one, so nearly all customers of a plan
    who went over to a higher one on one day are a warning.
    """
    upsells = changes.mutate(is_told=changes.tier_before.notnull() & changes.tier_after.notnull())
    upsells = upsells.filter((upsells.movement_class == "upsell") & ~upsells.is_swap)
    upsells = upsells.filter(upsells.plan_before != "", upsells.plan_after != "")
    days = upsells.group_by(*PAIR, "is_told", "day").aggregate(
        accounts=upsells.account_id.nunique(), mrr_e4=upsells.delta_mrr_e4.sum()
    )
    by_day = days.order_by(*PAIR, "is_told", "day").to_pandas()
    if by_day.empty:
        return
    largest_first = by_day.sort_values("accounts", ascending=False, kind="stable")
    pairs = largest_first.groupby([*PAIR, "is_told"], as_index=False).agg(
        accounts=("accounts", "sum"), mrr_e4=("mrr_e4", "sum"), day=("day", "first"), most=("accounts", "first")
    )
    is_told = pairs["is_told"].astype(bool)
    is_term = ~is_told & (pairs["plan_before"].map(_without_terms) == pairs["plan_after"].map(_without_terms))
    fewest = (_took_over(pairs, lines) & ~is_told).map({True: SUCCEEDED_ACCOUNTS, False: RENAMED_ACCOUNTS})
    is_renamed = ~is_term & (pairs["most"] >= fewest) & (pairs["most"] >= pairs["accounts"] * RENAMED_SHARE)
    renamed = pairs[is_renamed]
    stayed = pd.Series([_stayed(pair, lines) for pair in renamed.itertuples()], renamed.index, dtype="int64")
    by_tiers = is_told[is_renamed]
    is_most = renamed["most"] > stayed
    is_all = renamed["most"] >= (renamed["most"] + stayed) * RENAMED_SHARE
    for rule, alike, why in (
        ("plan_terms", pairs[is_term], "whose names differ only in how, or how much, is paid"),
        ("plan_renamed", renamed[~by_tiers & is_most], "nearly all on one day, as if it had only been renamed"),
        (
            BY_TIERS,
            renamed[by_tiers & is_all],
            "with nearly all other customers of the plan on one day, as if only its price had risen",
        ),
    ):
        if len(alike):
            yield _finding(rule, alike, why, upsells)


def _stayed(pair: Any, lines: ir.Table) -> int:
    """The accounts that kept the plan before it on the day on which most went over, as where all renew on one day."""
    of_plan = lines.filter((lines["product"] == pair.product) & (lines.plan == pair.plan_before))
    day = pd.Timestamp(pair.day).date()
    is_open = (of_plan.valid_from <= day) & (of_plan.valid_to.isnull() | (of_plan.valid_to > day))
    return int(of_plan.filter(is_open).account_id.nunique().to_pandas())


def _took_over(pairs: pd.DataFrame, lines: ir.Table) -> pd.Series:
    """Of each pair: nobody has the plan before it since that day, and nobody had the one after it before."""
    is_open = lines.valid_to.isnull().any()
    spans = lines.group_by("product", "plan").aggregate(
        first_on=lines.valid_from.min(), last_on=is_open.ifelse(ibis.null("date"), lines.valid_to.max())
    )
    of = spans.to_pandas().astype({"first_on": "datetime64[s]", "last_on": "datetime64[s]"})
    before = pairs.merge(of, left_on=["product", "plan_before"], right_on=["product", "plan"], how="left")
    after = pairs.merge(of, left_on=["product", "plan_after"], right_on=["product", "plan"], how="left")
    day = pairs["day"].astype("datetime64[s]")
    return (before["last_on"] <= day) & (after["first_on"] >= day)


def _without_terms(plan: str) -> str:
    """The words of a plan's name, but for those that say how, or how much, is paid."""
    without_price = plan if AMOUNT_SOLD.search(plan) else PRICE.sub(" ", plan)
    words = TERM.sub(" ", without_price)
    if words != plan:
        words = BESIDE_TERM.sub(" ", words)
    return " ".join(re.findall(r"\w+", words.lower()))


def _finding(rule: str, pairs: pd.DataFrame, why: str, upsells: ir.Table) -> Finding:
    listed = ", ".join(f"{p.plan_before!r} to {p.plan_after!r}" for p in pairs.head(LISTED).itertuples())
    count = int(pairs["accounts"].sum())
    by_tiers = rule == BY_TIERS
    told = "the tiers of plans say that it is a higher one" if by_tiers else "no tiers tell the plans apart"
    message = (
        f"subscriptions: {many(count, 'account')} went from one plan to another {why} ({listed}), at an MRR that is "
        f"{money(int(pairs['mrr_e4'].sum()))} higher: {told}, so that counts as an upsell."
    )
    if by_tiers:
        todo = (
            "Nothing, if more is sold. Else give such plans one tier in the table plans, whatever they cost; or one "
            "name ([source.tables] subscriptions)."
        )
    else:
        todo = (
            "Give the table plans, with one tier for plans that are alike and another where more is sold; or give "
            "those that are alike one name ([source.tables] subscriptions)."
        )
    listed_pairs = [
        (upsells["product"] == p.product)
        & (upsells.plan_before == p.plan_before)
        & (upsells.plan_after == p.plan_after)
        for p in pairs.head(LISTED).itertuples()
    ]
    rows = upsells.filter(ibis.or_(*listed_pairs)).order_by("account_id", "product", "day")
    kept = rows.select("account_id", "day", *PAIR, "delta_mrr_e4").limit(ROWS_KEPT).to_pandas()
    severity = Severity.WARNING if by_tiers else Severity.ERROR
    return Finding(severity, "subscriptions", rule, message, todo, count, kept)
