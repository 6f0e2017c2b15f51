"""A small made-up base for the tests of serving: a catalogue, feature rows that agree with each other, scores."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from data.contract.feature_card import Direction, FeatureCard
from data.contract.score_change import first_list
from data.contract.vocabulary import MOTIONS
from serving.changes.sentences import About
from serving.publish import publish as publish_parts
from serving.published.assemble import Part, Snapshot, Terms, known_people, make_part, whole
from serving.ranking.rank import OF_THE_BASE
from serving.reasons.playbook import load
from serving.settings import ServingSettings

DAY = date(2026, 10, 1)
FEATURES = """
tenure: tenure_days/days
account_size: mrr/currency-per-month seats/seats
price_level: mrr_per_seat/currency-per-month list_price_discount/share
product_breadth: products/products
product_gap: products_not_owned/products
contract_cycle: line_age_days/days
renewal_in_sight: days_to_renewal/days
expansion_history: days_since_expansion/days days_since_seat_expansion/days days_since_upsell/days
 days_since_cross_sell/days expansions/expansions expansions_365d/expansions last_expansion_share/share
contraction_history: contractions_365d/contractions days_since_contraction/days
price_rise: days_since_price_rise/days
mrr_growth: mrr_growth_365d/share
tier_position: tier/tier tiers_above/tiers
peer_position: peers_below_seat_utilization/share peers_below_features_used/share peers_below_events/share
 peers_below_events_growth/share
peer_spending: peers_below_mrr/share peers_below_billed/share
look_alikes_own: look_alikes_top_share/share look_alikes_common_products/products
season: month_of_year/month budget_window/yes-or-no
room_to_grow: employees/people seats_per_employee/share
billing_level: billed_28d/currency billed_91d/currency billed_365d/currency billed_days_91d/days
billing_trend: billed_growth_91d/share billed_against_last_year/share
billing_recency: days_since_billed/days
credits: credit_share_365d/share
usage_level: events_28d/events events_91d/events quantity_28d/units
usage_trend: events_growth_28d/share events_growth_91d/share
usage_spike: events_against_baseline/share
usage_regularity: active_days_28d/days active_days_91d/days
usage_recency: days_since_active/days
feature_breadth: features_used_28d/features features_used_91d/features features_new_91d/features
adoption: features_included_share_91d/share
usage_depth: events_per_user_28d/events
user_growth: active_users_7d/users active_users_28d/users active_users_91d/users
 active_users_growth_28d/share active_users_growth_91d/share
power_users: power_users_28d/users power_user_share_28d/share
concentration: top_user_share_28d/share
onboarding: days_to_first_value/days days_since_first_use/days
seats_in_use: seat_utilization_28d/share seat_utilization_change_91d/share seats_free/seats
invitations: registered_users/users registered_users_per_seat/share
new_users: users_created_28d/users users_created_91d/users
new_teams: teams/teams teams_new_91d/teams
other_domains: other_domain_users_91d/users other_domain_share/share
seats_reassigned: users_deactivated_91d/users seats_reassigned_share_91d/share
near_limit: limit_share_max_28d/share limits_over_80pct/features days_to_limit/days
next_tier_wanted: gated_features_used_91d/features gated_share_used_91d/share gated_requests_182d/tickets
support_load: tickets_28d/tickets tickets_91d/tickets tickets_open/tickets
bugs: bug_tickets_91d/tickets bug_ticket_share_91d/share
critical_open: critical_tickets_open/tickets
feature_requests: feature_requests_182d/tickets
satisfaction: csat_182d/rating,-1-5 csat_last/rating,-1-5 csat_change_182d/rating-points
champion_promoted: champion_promoted_182d/people days_since_champion_promoted/days
champion_left: champion_left_182d/people
reviews: qbr_held_182d/reviews
review_gap: qbr_gap_182d/gaps
milestones: milestones_365d/milestones
budget: budget_opened_182d/budgets
competitor: competitor_research_182d/events
opportunity_open: opportunity_open/yes-or-no
overdue: invoices_overdue/yes-or-no
nps: nps_last/0-10
crm_activity: crm_events_91d/events
play_open: play_open/plays
not_now: days_since_not_now/days
usage_slope: events_weekly_slope_91d/share-per-week
usage_acceleration: events_acceleration_28d/share
slow_quarter_spike: spike_after_slow_quarter/share
usage_season: events_against_last_year_28d/share
workarounds: export_events_28d/events export_share_28d/share
stickiness: stickiness_28d/share
shared_logins: shared_logins_28d/users
seat_growth: seats_growth_365d/share
severe_tickets: severe_tickets_91d/tickets
contract_lines: lines_open/lines
contract_term: contract_term_days/days
expansion_kind: last_expansion_was_seat/yes-or-no last_expansion_was_upsell/yes-or-no
 last_expansion_was_cross_sell/yes-or-no
billing_slope: billed_slope_364d/share
billing_volatility: billed_volatility_364d/share
billing_mix: products_billed_91d/products top_product_share_365d/share
"""


def catalogue() -> dict[str, FeatureCard]:
    cards = {}
    for line in FEATURES.replace("\n ", " ").strip().splitlines():
        code, names = line.split(": ")
        for name, unit in (pair.split("/") for pair in names.split()):
            cards[name] = FeatureCard(
                name=name,
                label=name.replace("_", " ").capitalize(),
                unit=unit.replace("-per-", " per ").replace("-or-", " or ").replace(",-", ", "),
                direction=Direction.UNKNOWN,
                missing="nothing is known",
                reason_code=code,
                actionable=False,
                tables=("subscriptions",),
            )
    return cards


CATALOGUE = catalogue()
PLAYBOOK = load(CATALOGUE)
SETTINGS = ServingSettings()

FIRST = ("Brightwater", "Nordlicht", "Casa Verde", "Tallinn", "Ōsaka", "Quill & Sons", "Granite", "Helix", "Pale Blue")
SECOND = ("Logistics", "Health", "Analytics", "Bank", "Schools", "Energy", "Foods", "Robotics", "Travel")
OWNERS = ("Ana Costa", "Björn Ek", "Chidi Obi", "Dana Lee", "Eva O'Neil")


def feature_rows(count: int, seed: int = 1) -> pd.DataFrame:
    """Feature rows that agree with each other (46 of 50 seats are 92%)."""
    draw = np.random.default_rng(seed)
    seats = draw.integers(3, 120, count).astype(float)
    users = np.minimum(np.ceil(seats * draw.beta(5, 2, count)), seats * 1.1).round()
    share = users / seats
    events = (users * draw.integers(20, 400, count)).astype(float)
    growth = draw.normal(0.05, 0.25, count).clip(-0.9, 2)
    price = draw.choice([12.0, 29.0, 49.5], count)
    expansions = draw.poisson(0.8, count).astype(float)
    since = np.where(expansions > 0, draw.integers(20, 900, count), np.nan)
    tier = draw.integers(1, 5, count).astype(float)
    rated = draw.random(count) < 0.6
    csat = np.where(rated, draw.uniform(2.6, 5, count), np.nan)
    teams = draw.integers(1, 6, count).astype(float)
    known = {
        "tenure_days": draw.integers(60, 1500, count), "mrr": seats * price, "seats": seats, "mrr_per_seat": price,
        "list_price_discount": draw.choice([0.0, 0.1, 0.2], count), "products": draw.integers(1, 3, count),
        "products_not_owned": draw.integers(0, 3, count), "line_age_days": draw.integers(5, 360, count),
        "days_to_renewal": draw.integers(0, 360, count), "days_since_expansion": since, "expansions": expansions,
        "last_expansion_share": np.where(expansions > 0, draw.uniform(0.05, 0.6, count), np.nan),
        "contractions_365d": draw.poisson(0.1, count), "mrr_growth_365d": draw.normal(0.08, 0.2, count),
        "tier": tier, "tiers_above": 5 - tier, "month_of_year": np.full(count, 10), "budget_window": np.ones(count),
        "employees": (seats * draw.integers(2, 20, count)), "seats_per_employee": draw.uniform(0.05, 0.5, count),
        "events_28d": events, "events_91d": (events * 3.2).round(), "events_growth_28d": growth,
        "events_growth_91d": growth * 0.9, "events_against_baseline": growth * 1.2,
        "active_days_28d": draw.integers(10, 29, count), "active_days_91d": draw.integers(30, 92, count),
        "days_since_active": draw.integers(1, 9, count), "features_used_28d": draw.integers(2, 12, count),
        "features_used_91d": draw.integers(8, 14, count), "features_new_91d": draw.poisson(0.7, count),
        "features_included_share_91d": draw.uniform(0.2, 1, count), "events_per_user_28d": events / users,
        "active_users_7d": (users * 0.7).round(), "active_users_28d": users, "active_users_91d": users,
        "active_users_growth_28d": draw.normal(0.03, 0.1, count), "power_users_28d": (users * 0.2).round(),
        "power_user_share_28d": (users * 0.2).round() / users, "days_since_first_use": draw.integers(50, 1400, count),
        "days_to_first_value": np.where(rated, draw.integers(1, 80, count), np.nan),
        "seat_utilization_28d": share, "seat_utilization_change_91d": draw.normal(0.02, 0.08, count),
        "registered_users": (seats * draw.uniform(0.6, 1.3, count)).round(), "teams": teams,
        "registered_users_per_seat": np.full(count, 1.0), "users_created_28d": draw.poisson(1, count),
        "users_created_91d": draw.poisson(3, count) + 1, "teams_new_91d": draw.poisson(0.3, count),
        "other_domain_users_91d": draw.poisson(0.4, count), "other_domain_share": draw.uniform(0, 0.2, count),
        "limit_share_max_28d": draw.uniform(0.1, 1.1, count), "days_to_limit": draw.integers(1, 60, count),
        "limits_over_80pct": np.zeros(count), "gated_features_used_91d": draw.poisson(0.6, count),
        "gated_share_used_91d": draw.uniform(0, 1, count), "gated_requests_182d": draw.poisson(0.4, count),
        "tickets_28d": draw.poisson(1, count), "tickets_91d": draw.poisson(2, count) + 1,
        "tickets_open": draw.poisson(0.5, count), "bug_tickets_91d": draw.poisson(0.5, count),
        "critical_tickets_open": (draw.random(count) < 0.04), "feature_requests_182d": draw.poisson(0.5, count),
        "csat_182d": csat, "csat_last": csat, "csat_change_182d": draw.normal(0, 0.5, count),
        "champion_promoted_182d": draw.random(count) < 0.1, "days_since_champion_promoted": np.full(count, 40),
        "champion_left_182d": draw.random(count) < 0.08, "qbr_held_182d": draw.poisson(0.6, count),
        "qbr_gap_182d": draw.poisson(0.2, count), "milestones_365d": draw.poisson(1, count),
        "budget_opened_182d": draw.random(count) < 0.1, "competitor_research_182d": draw.random(count) < 0.05,
        "opportunity_open": draw.random(count) < 0.06, "invoices_overdue": draw.random(count) < 0.04,
        "crm_events_91d": draw.poisson(3, count),
        "days_since_not_now": np.where(draw.random(count) < 0.05, 30, np.nan),
        "play_open": draw.random(count) < 0.03,
    }  # fmt: skip
    values = {name: np.asarray(known.get(name, np.full(count, np.nan)), dtype=float) for name in CATALOGUE}
    ids = [f"acc-{number:04d}" for number in range(count)]
    return pd.DataFrame({"account_id": ids, "snapshot_date": DAY, **values})


def accounts(count: int, seed: int = 1) -> pd.DataFrame:
    draw = np.random.default_rng(seed)
    names = [f"{draw.choice(FIRST)} {draw.choice(SECOND)}" for _ in range(count)]
    owners = [None if draw.random() < 0.04 else str(draw.choice(OWNERS)) for _ in range(count)]
    segments = draw.choice(["SMB", "mid-market", "enterprise"], count)
    ids = [f"acc-{number:04d}" for number in range(count)]
    return pd.DataFrame({"account_id": ids, "name": names, "owner": owners, "segment": segments})


def scored(rows: pd.DataFrame, seed: int = 1, per_motion: bool = True) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Scores and attributions that add up; features that are missing throughout weigh nothing."""
    draw = np.random.default_rng(seed)
    count = len(rows)
    names = list(CATALOGUE)
    parts = draw.normal(0, 0.16, (count, len(names))) * rows[names].notna().any().to_numpy()
    base = -2.9
    log_odds = base + parts.sum(axis=1)
    propensity = 1 / (1 + np.exp(-log_odds))
    scores = pd.DataFrame(
        {
            "account_id": rows["account_id"], "snapshot_date": DAY, "log_odds": log_odds, "base_log_odds": base,
            "propensity": propensity, "expected_arr": propensity * rows["mrr"].fillna(100).to_numpy() * 4,
        }
    )  # fmt: skip
    amount = rows["mrr"].fillna(100) * 4
    scores = scores.assign(arr_if_expands=amount, arr_if_expands_low=amount / 3, arr_if_expands_high=amount * 2)
    scores = scores.assign(cross_sell_product="<b>Chat</b>", cross_sell_product_share=0.6)
    for motion in MOTIONS if per_motion else ():
        scores[f"propensity_{motion}"] = np.nan if motion == "usage" else propensity * draw.uniform(0.1, 0.6, count)
    attributions = pd.DataFrame(parts, columns=names)
    attributions.insert(0, "base_log_odds", base)
    attributions.insert(0, "account_id", rows["account_id"])
    attributions.insert(0, "snapshot_date", DAY)
    return scores, attributions


def assemble(
    day: date,
    scores: pd.DataFrame,
    attributions: pd.DataFrame,
    rows: pd.DataFrame,
    people: pd.DataFrame,
    *,
    previous: Snapshot | None = None,
    **given: Any,
) -> Snapshot:
    """The list of a base of one part, all of it in memory; ``given`` are more of the terms."""
    terms = Terms(day, known_people(people), **{"horizon_days": 90} | given)
    part = make_part(terms, scores, attributions, rows)
    made = whole(terms, part.scores, part.exclusions, part.not_evaluated, previous)
    return replace(made, reasons=part.reasons, attributions=part.attributions)


def part_of(made: Snapshot) -> Part:
    """The part that a snapshot in memory was made of."""
    own = [name for name in made.scores if name not in OF_THE_BASE]
    change = first_list(made.scores["account_id"])
    return Part(made.snapshot_date, made.scores[own], made.attributions, made.reasons, made.exclusions, change)


def publish(out: Path, made: Snapshot, pieces: dict[str, object] | None = None, parts: int = 1) -> Path:
    """Publish a snapshot in memory in so many parts; what its manifest has beyond the terms' is kept."""
    terms = Terms(made.snapshot_date, pd.DataFrame(), CATALOGUE, PLAYBOOK, SETTINGS, "headroom/7", "run-1", 90)
    part, places = part_of(made), made.scores["account_id"].rank(method="dense").astype(int) % parts
    of = dict(zip(made.scores["account_id"], places, strict=True))

    def cut(number: int) -> Part:
        frames = ("scores", "attributions", "reasons", "exclusions")
        chosen = {name: (f := getattr(part, name))[f["account_id"].map(of) == number] for name in frames}
        return replace(part, **chosen, change=first_list(chosen["scores"]["account_id"]))

    cuts = [part] if parts == 1 else [cut(number) for number in range(parts)]
    return publish_parts(out, terms, cuts, manifest=lambda: {**made.manifest, **(pieces or {})})


def snapshot(count: int = 60, seed: int = 1, day: date = DAY, **given: object) -> Snapshot:
    """A whole snapshot of ``count`` accounts; ``given`` replaces rows, accounts, settings, playbook or previous."""
    rows = given.get("rows", feature_rows(count, seed))
    scores, attributions = scored(rows, seed, bool(given.get("per_motion", True)))
    return assemble(
        day,
        scores,
        attributions,
        rows,
        given.get("accounts", accounts(count)),
        catalogue=CATALOGUE,
        playbook=given.get("playbook", PLAYBOOK),
        settings=given.get("settings", SETTINGS),
        model_version="headroom/7",
        run_id="run-1",
        previous=given.get("previous"),
    )


PIECES = {
    "input_watermarks": {
        "subscriptions": date(2026, 9, 30),
        "usage_events": date(2026, 9, 30),
        "tickets": date(2026, 9, 12),
    },
    "stopped_feeds": ["tickets"],
    "input_rows": {"subscriptions": 420, "usage_events": 120_000},
    "config_hash": "c0ffee",
    "code_version": "0.1.0",
    "library_versions": {"lightgbm": "4.7"},
}


def about_list(day: date | None, titles: Mapping[str, str], replaced_by: str = "", **given: str) -> About:
    """A list ranked by propensity, as the one before it, in dollars, where nothing else is ``given``."""
    usual = {"rank_by": "propensity", "previous_rank_by": "propensity", "currency": "$"}
    return About(day, titles, replaced_by=replaced_by, **usual | given)
