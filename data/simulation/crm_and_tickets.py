"""From monthly flags to dated facts: tickets, CRM events, plays and the team's own features."""

from datetime import date, timedelta
from typing import Any

import numpy as np
import pandas as pd

from data.simulation.life import BURN_IN_MONTHS, Life
from data.simulation.price_list import CORE, CORE_NAMES, GATED_BY_TIER, LEADING
from data.simulation.state import Bools

LATE_KNOWN_SHARE = 0.03
LATEST_DAYS = 15
CRM_FLAGS = {
    "champion_promoted": "promoted",
    "champion_left": "left",
    "qbr_held": "reviewed",
    "qbr_gap": "review_missed",
    "budget_opened": "budget",
    "competitor_research": "competitor",
    "invoice_overdue": "overdue",
    "invoice_paid": "paid",
    "nps_response": "nps",
    "expansion_opportunity_opened": "opportunity_opens",
}
GAPS = ("reports by region", "approvals on a phone", "a backup each night", "fewer manual steps", "access for auditors")
"""What is named in a review that went badly."""
CHAMPIONS = ("head of operations", "finance director", "IT manager", "head of marketing", "chief of staff")
BUDGETS = ("tools for new teams", "automation", "reporting", "customer service")
NAMES = {
    "qbr_gap": GAPS,
    "champion_promoted": CHAMPIONS,
    "champion_left": CHAMPIONS,
    "budget_opened": BUDGETS,
}
MILESTONES = ("first dashboard for the board", "first rule that runs by itself")
"""What is reached with the core product where the feature is adopted that leads to an add-on, in their order."""
FIRST_MILESTONE = "first project finished"
PLAYS = ("seat_conversation", "tier_review", "add_on_demo", "value_review")
REASONS = ("no budget", "timing", "went with a competitor", "no need yet")


def _first_days(life: Life) -> np.ndarray:
    return np.array([np.datetime64(month.first_day, "D") for month in life.months])


def _days(life: Life, month: np.ndarray, account: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A random day of the month, not before the account's first one."""
    begins = np.where((life.starts | life.returns)[month, account], life.day[month, account], 1)
    day = begins + np.floor((29 - begins) * rng.random(len(month))).astype(int)
    return _first_days(life)[month] + (day - 1)


def late(happened: pd.Series, share: float, latest_days: int, rng: np.random.Generator) -> pd.Series:
    """``known_at``: missing for most rows, some days later for some."""
    days = pd.to_timedelta(1 + np.floor(rng.random(len(happened)) * latest_days), unit="D")
    return (happened + days).where(rng.random(len(happened)) < share)


def crm_events(life: Life, ids: np.ndarray, rng: np.random.Generator) -> pd.DataFrame:
    """One row per CRM event, from the burn-in on."""
    parts = []

    def add(
        kind: str, flags: Bools, day: Any = None, product: Any = None, amount: Any = None, name: Any = None
    ) -> None:
        month, account = np.nonzero(flags)
        at = _days(life, month, account, rng) if day is None else _first_days(life)[month] + (day[month, account] - 1)
        part = pd.DataFrame({"account_id": ids[account], "occurred_at": at, "kind": kind})
        part["product"] = None if product is None else product(month, account)
        part["amount"] = np.nan if amount is None else amount(month, account)
        part["name"] = None if name is None else name(month, account)
        parts.append(part)

    amounts = {
        "nps_response": lambda m, a: np.clip(
            np.round((life.satisfaction[m, a] - 1) * 2.5 + rng.normal(0, 1, len(m))), 0, 10
        ),
        "budget_opened": lambda m, a: np.round(life.seats[m, a] * rng.uniform(80, 400, len(m)), -2),
        "expansion_opportunity_opened": lambda m, a: np.round(life.seats[m, a] * rng.uniform(30, 120, len(m)), -1),
    }
    names = {kind: lambda m, a, few=few: np.array(few)[(7 * m + a) % len(few)] for kind, few in NAMES.items()}
    for kind, name in CRM_FLAGS.items():
        add(kind, getattr(life, name), amount=amounts.get(kind), name=names.get(kind))
    add("expansion_opportunity_closed", life.opportunity_lost)
    add("expansion_opportunity_closed", life.opportunity_won, day=life.day)
    add(
        "milestone_reached",
        life.milestone >= 0,
        product=lambda m, _: np.full(len(m), CORE),
        name=lambda m, a: np.array(MILESTONES)[life.milestone[m, a]],
    )
    first_value = np.zeros_like(life.starts)
    month, account = np.nonzero(life.starts)
    then = month + 1 + (rng.random(len(month)) < 0.4)
    ok = then < len(life.months)
    first_value[then[ok], account[ok]] = life.is_customer[then[ok], account[ok]]
    add(
        "milestone_reached",
        first_value,
        product=lambda m, _: np.full(len(m), CORE),
        name=lambda m, _: np.full(len(m), FIRST_MILESTONE),
    )
    frame = pd.concat(parts, ignore_index=True).sort_values(["account_id", "occurred_at", "kind"], kind="stable")
    frame["known_at"] = late(frame.occurred_at, LATE_KNOWN_SHARE, LATEST_DAYS, rng)
    return frame


def tickets(life: Life, ids: np.ndarray, rng: np.random.Generator) -> pd.DataFrame:
    """One row per ticket; the month's rating hangs on its first ticket, closed within the month."""
    parts = [_ordinary(life, ids, rng), _requests(life, ids, rng), _critical(life, ids, rng)]
    frame = pd.concat(parts, ignore_index=True)
    frame = frame.sort_values(["account_id", "opened_at", "kind"], kind="stable").reset_index(drop=True)
    unsettled = frame.closed_at >= pd.Timestamp(life.end)
    frame.loc[unsettled, "closed_at"] = pd.NaT
    frame.loc[unsettled, "csat"] = np.nan
    frame.insert(0, "ticket_id", frame.account_id + "-t" + (frame.groupby("account_id").cumcount() + 1).astype(str))
    frame["known_at"] = late(frame.opened_at, 0.01, 3, rng)
    return frame


def _ordinary(life: Life, ids: np.ndarray, rng: np.random.Generator) -> pd.DataFrame:
    month, account = np.nonzero(life.tickets)
    counts = life.tickets[month, account]
    place = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
    month, account = np.repeat(month, counts), np.repeat(account, counts)
    begins = np.where((life.starts | life.returns)[month, account], np.minimum(life.day[month, account], 24), 1)
    opened = begins + np.floor((24 - begins) * rng.random(len(month))).astype(int)
    rated = (place == 0) & life.rated[month, account]
    takes = np.where(rated, 1 + np.floor(rng.random(len(month)) * 4), 1 + np.floor(rng.exponential(5, len(month))))
    at = _first_days(life)[month] + (opened - 1)
    kind = np.array(["bug", "question", "question", "feature_request", "bug", "question", "question", "billing"])
    return pd.DataFrame(
        {
            "account_id": ids[account],
            "opened_at": at,
            "closed_at": at + takes.astype(int),
            "kind": kind[np.floor(rng.random(len(month)) * len(kind)).astype(int)],
            "feature": np.array([*CORE_NAMES, *LEADING], dtype=object)[rng.integers(0, 12, len(month))],
            "severity": np.where(rng.random(len(month)) < 0.15, "high", "low"),
            "csat": np.where(rated, life.csat[month, account], np.nan),
        }
    )


def _requests(life: Life, ids: np.ndarray, rng: np.random.Generator) -> pd.DataFrame:
    month, account = np.nonzero(life.requests)
    counts = life.requests[month, account]
    month, account = np.repeat(month, counts), np.repeat(account, counts)
    gated = np.array([GATED_BY_TIER[2], GATED_BY_TIER[3]], dtype=object)
    tier_before = np.vstack([life.tier[:1], life.tier[:-1]])[month, account]
    at = _days(life, month, account, rng)
    return pd.DataFrame(
        {
            "account_id": ids[account],
            "opened_at": at,
            "closed_at": at + np.floor(1 + rng.exponential(12, len(month))).astype(int),
            "kind": "feature_request",
            "feature": gated[np.minimum(tier_before, 2) - 1, rng.integers(0, 5, len(month))],
            "severity": "low",
            "csat": np.nan,
        }
    )


def _critical(life: Life, ids: np.ndarray, rng: np.random.Generator) -> pd.DataFrame:
    month, account = np.nonzero(life.critical_opens)
    closing = np.empty(len(month), "datetime64[D]")
    end = np.datetime64(life.end, "D")
    for place, (m, a) in enumerate(zip(month, account, strict=True)):
        later = np.flatnonzero(life.critical_closes[m + 1 :, a])
        closes = m + 1 + int(later[0]) if len(later) else None
        closing[place] = end if closes is None else _first_days(life)[closes] + int(rng.integers(0, 27))
    return pd.DataFrame(
        {
            "account_id": ids[account],
            "opened_at": _days(life, month, account, rng),
            "closed_at": closing,
            "kind": "bug",
            "feature": np.array(CORE_NAMES, dtype=object)[rng.integers(0, len(CORE_NAMES), len(month))],
            "severity": "critical",
            "csat": np.nan,
        }
    )


def outcomes(life: Life, ids: np.ndarray, rng: np.random.Generator) -> pd.DataFrame:
    """One row per play that a CSM began in the kept months, with what came of it."""
    begun = life.is_customer & (
        (rng.random(life.starts.shape) < 0.008) | (life.opportunity_opens & (rng.random(life.starts.shape) < 0.5))
    )
    begun[:BURN_IN_MONTHS] = False
    rows: list[dict[str, Any]] = []
    for month, account in zip(*np.nonzero(begun), strict=True):
        opened = life.months[month].first_day + timedelta(days=int(rng.integers(1, 28)))
        row: dict[str, Any] = {"account_id": ids[account], "opened_at": opened, "status": "open", "closed_at": None}
        row |= {"arr": None, "reason": None, "play": PLAYS[int(rng.integers(0, len(PLAYS)))]}
        bought = np.flatnonzero(life.cause[month + 1 : month + 4, account])
        if len(bought):
            number = month + 1 + int(bought[0])
            closed: date = life.months[number].first_day.replace(day=int(life.day[number, account]))
            status, arr = "won", round(float(life.seats[number, account]) * 12 * rng.uniform(4, 12), 2)
            row["play"] = PLAYS[int(life.cause[number, account]) - 1]
        else:
            closed, arr = opened + timedelta(days=int(rng.integers(20, 90))), None
            status = "not_now" if rng.random() < 0.4 else "lost"
            row["reason"] = REASONS[int(rng.integers(0, len(REASONS)))]
        if closed < life.end:
            row |= {"status": status, "closed_at": closed, "arr": arr}
        else:
            row["reason"] = None
        rows.append(row)
    columns = ["account_id", "play", "opened_at", "status", "closed_at", "arr", "reason"]
    return pd.DataFrame(rows, columns=columns)


def account_features(life: Life, ids: np.ndarray, rng: np.random.Generator) -> pd.DataFrame:
    """One row per quarter for three in five accounts, in turn: what some team keeps in a sheet of its own."""
    chosen = rng.random(len(ids)) < 0.6
    months = np.arange(len(life.is_customer)) - BURN_IN_MONTHS
    quarterly = (months[:, None] >= 0) & ((months[:, None] + np.arange(len(ids))) % 3 == 0)
    month, account = np.nonzero(life.is_customer & quarterly & chosen)
    health = 20 * life.satisfaction[month, account] + rng.normal(0, 8, len(month))
    return pd.DataFrame(
        {
            "account_id": ids[account],
            "known_at": _days(life, month, account, rng),
            "health_score": np.clip(np.round(health, 1), 0, 100),
            "site_visits": rng.poisson(6, len(month)).astype(float),
            "fit_segment": np.array(["A", "B", "C"], dtype=object)[rng.integers(0, 3, len(month))],
        }
    )
