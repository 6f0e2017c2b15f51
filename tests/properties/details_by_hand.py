"""What sentences name, as a plain loop over one account's rows would find it: from the meaning, without SQL."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from datetime import date, timedelta
from typing import Any

import pandas as pd

from data.ledger.rules import ExpansionRules
from tests.properties.by_hand import (
    Row,
    billed_of,
    by_month,
    commercial,
    days_until_met,
    e4,
    level,
    measures_of,
    name_now,
    open_lines,
    owned_products,
    quantity,
    recently_billed,
    rows_of,
    within,
)
from tests.properties.ledger_by_hand import plain_changes
from tests.properties.peers_by_hand import groups_of, products_of

EVENTS = {
    "champion_promoted": (182, "promoted_on", None, "promoted_name"),
    "champion_left": (182, "champion_left_on", None, "champion_left_name"),
    "qbr_held": (182, "reviewed_on"),
    "qbr_gap": (182, "gap_on", "gap_product", "gap_name"),
    "milestone_reached": (365, "milestone_on", "milestone_product", "milestone_name"),
    "budget_opened": (182, "budget_on", None, "budget_name"),
    "competitor_research": (182, "competitor_on"),
}
MOTIONS = ("seat", "upsell", "cross_sell")
LAST = "￿"
"""Stands after every name: a name that is missing comes last."""


def with_names(frames: dict[str, pd.DataFrame]) -> dict[str, pd.DataFrame]:
    """The base with a product for two in three CRM events, a name for three in four, and null for the others.

    Plays have reasons as they are recorded, and as a source may have them; teams are many, and a limit may be of the
    plans of two products.
    """
    events = frames["crm_events"]
    products = [("core", None, "insights")[number % 3] for number in range(len(events))]
    names = [("first_report", None, "rollout", "go live")[number % 4] for number in range(len(events))]
    said = {"product": products, "name": names}
    columns = {name: pd.Series(values, index=events.index, dtype="str") for name, values in said.items()}
    plays = frames["outcomes"]
    because = [
        ("no budget", None, "data_wrong: the seats", "other", " :", "other: ask Ann")[n % 6] for n in range(len(plays))
    ]
    plays = plays.assign(reason=pd.Series(because, index=plays.index, dtype="str"))
    teams = frames["users"]["team"] + [("", "_east", "_west", "_north")[n % 4] for n in range(len(frames["users"]))]
    rights = pd.DataFrame({"product": "insights", "plan": ["basic", "plus"], "feature": "export", "monthly_limit": 7.5})
    return {
        **frames,
        "crm_events": events.assign(**columns),
        "outcomes": plays,
        "users": frames["users"].assign(team=teams),
        "plan_features": pd.concat([frames["plan_features"], rights], ignore_index=True),
    }


def details_by_hand(frames: dict[str, pd.DataFrame], account_id: str, snapshot: date) -> Row:
    """The details of one account on one day, by name; ``None`` is missing."""
    known, counted, services, names, plans = commercial(frames, account_id, snapshot, ExpansionRules())
    rights: dict[tuple[str, str], dict[str, int | None]] = defaultdict(dict)
    measured: dict[tuple[str, str], dict[str, str | None]] = defaultdict(dict)
    for row in rows_of(frames["plan_features"]):
        rights[row["product"], row["plan"]][row["feature"]] = e4(row["monthly_limit"])
        measured[row["product"], row["plan"]][row["feature"]] = row["measure"]
    lines = [line for line in open_lines(counted) if not line["plain"].is_discount]
    for line in lines:
        line["current"] = name_now(line["product"], names, snapshot)
    owned = owned_products(counted, known["invoices"], services)
    included = {feature for line in lines for feature in rights.get((line["product"], line["plan"]), {})}
    nearest = limits(known, lines, rights, measured)
    return {
        **nearest,
        **next_tier(known, lines, plans, rights, nearest["limit_feature"]),
        **used(known["usage_events"], {f for of in rights.values() for f, limit in of.items() if limit is not None}),
        **adopted(known["usage_events"], included),
        "most_users_of_a_month": busiest_month(known["usage_events"], snapshot) if lines else None,
        **people(known["users"]),
        **relationship(known["crm_events"], snapshot),
        **support(known["tickets"], included, snapshot),
        **contract(counted, lines, snapshot),
        **ended(counted, owned, names, snapshot),
        **main_products(lines, owned),
        "service_goes_on": 1.0
        if any(row["rate"] and row["rate"] > 0 and row["end"] is None for row in services)
        else None,
        **put_off(known["outcomes"]),
        **billed_products(recently_billed(services)),
    }


def first(rows: Iterable[Row], key: Callable[[Row], Any]) -> Row:
    return min(rows, key=key, default=defaultdict(lambda: None))


def limits(known: dict[str, list[Row]], lines: list[Row], rights: dict, measured: dict) -> Row:
    allowed: dict[str, list[int | None]] = defaultdict(list)
    for line in lines:
        for feature, limit in rights.get((line["product"], line["plan"]), {}).items():
            allowed[feature].append(limit)
    found, measures = [], measures_of(lines, measured)
    for feature, several in allowed.items():
        units = sum(quantity(e) for e in within(known["usage_events"], 28) if e["feature"] == feature) * 30
        if measures[feature]:
            units = (level(known["usage_events"], feature, measures[feature])[0] or 0) * 28
        if None not in several and units > 0:
            limit = sum(several)
            share = units / (limit * 28) if limit else None
            until = days_until_met(known["usage_events"], feature, measures[feature], limit)
            units = units / (28 * 10_000)
            found.append({"share": share, "feature": feature, "limit": limit, "units": units, "until": until})
    nearest = first(found, lambda row: (row["share"] is None, -(row["share"] or 0), row["feature"]))
    granting = [line for line in lines if nearest["feature"] in rights.get((line["product"], line["plan"]), {})]
    products = [*sorted({line["current"] for line in granting}), None, None]
    return {
        "limit_plans": float(len(granting)) if granting else None,
        "limit_product": products[0],
        "second_limit_product": products[1],
        "limit_feature": nearest["feature"],
        "limit_in_days": nearest["until"],
        "limit_amount": None if nearest["limit"] is None else nearest["limit"] / 10_000,
        "limit_pace": None if measures[nearest["feature"]] else nearest["units"],
        "limit_level": nearest["units"] if measures[nearest["feature"]] else None,
    }


def next_tier(known: dict[str, list[Row]], lines: list[Row], plans: dict, rights: dict, limited: str | None) -> Row:
    owned = {feature for line in lines for feature in rights.get((line["product"], line["plan"]), {})}
    steps, gated = [], {}
    for product in {line["product"] for line in lines}:
        mine = [plans[product, x["plan"]]["tier"] for x in lines if (product, x["plan"]) in plans]
        above = [
            (plan["tier"] - max(mine), product, name)
            for (listed, name), plan in plans.items()
            if listed == product and mine and plan["tier"] > max(mine)
        ]
        steps += above
        for step, _, name in above:
            if step == min(above)[0]:
                for feature in rights.get((product, name), {}).keys() - owned:
                    gated[feature] = min((step, product, name), gated.get(feature, (step, product, name)))
    _, product, plan = min(steps, default=(None, None, None))
    of_product = [plans.get((product, line["plan"])) for line in lines if line["product"] == product]
    highest = max((listed["tier"] for listed in of_product if listed), default=None)
    present = [listed["plan"] for listed in of_product if listed and plan and listed["tier"] == highest]
    tiers = defaultdict(set)
    for (listed, _), row in plans.items():
        tiers[listed].add(row["tier"])
    listed_lines = [x for x in lines if len(tiers[x["product"]]) > 1 and (x["product"], x["plan"]) in plans]
    is_alone = len({line["current"] for line in listed_lines}) == 1
    tiered = first(listed_lines if is_alone else [], lambda x: (-plans[x["product"], x["plan"]]["tier"], x["plan"]))
    adds = rights.get((product, plan), {}).keys() - owned
    is_of_it = any(limited in rights.get((product, line["plan"]), {}) for line in lines if line["product"] == product)
    allowed = rights.get((product, plan), {}).get(limited) if is_of_it else None
    last_age = {event["feature"]: event["age"] for event in sorted(known["usage_events"], key=lambda e: -e["age"])}
    last_used = first(
        [{"feature": f, "age": last_age[f]} for f in gated if last_age.get(f, 999) <= 91],
        lambda row: (row["age"], row["feature"]),
    )
    of_gated = [ticket for ticket in within(known["tickets"], 182) if ticket["feature"] in gated]
    asked = first(of_gated, lambda t: (t["age"], t["feature"]))
    return {
        "next_plan": plan,
        "next_plan_limit": None if allowed is None else allowed / 10_000,
        "present_plan": min(present, default=None),
        "tiered_product": tiered["current"],
        "tiered_plan": tiered["plan"],
        "next_plan_features": len(adds) or None,
        "next_plan_used": sum(last_age.get(feature, 999) <= 91 for feature in adds) if adds else None,
        "gated_feature_used": last_used["feature"],
        "new_feature_plan": gated.get(new_features(known["usage_events"])[0], [None])[-1],
        "gated_used_plan": gated.get(last_used["feature"], [None])[-1],
        "gated_asked_plan": gated.get(asked["feature"], [None])[-1],
        "gated_feature_asked": asked["feature"],
        "gated_asked_on": asked["opened_at"],
        "days_since_gated_request": asked["age"],
    }


def used(events: list[Row], metered: set[str]) -> Row:
    month = Counter(event["feature"] for event in within(events, 28) if event["feature"])
    first_new = new_features(events)
    weeks = Counter((event["age"] - 1) // 7 + 1 for event in within(events, 91))
    any_day = within(events, 91)
    top = [*sorted(month, key=lambda f: (f in metered, -month[f], f)), None, None, None]
    return {
        "top_feature": top[0],
        "second_top_feature": top[1],
        "third_top_feature": top[2],
        "new_feature_events": float(month[first_new[0]]) if first_new[0] else None,
        "new_feature": first_new[0],
        "second_new_feature": first_new[1],
        "third_new_feature": first_new[2],
        **{f"use_week_{week}": float(weeks[week]) if any_day else None for week in range(1, 14)},
    }


def new_features(events: list[Row]) -> list[str | None]:
    """Those first used within a quarter, by their events of a month, and none behind them."""
    month = Counter(event["feature"] for event in within(events, 28) if event["feature"])
    year = [event for event in within(events, 365) if event["feature"]]
    first_age = {event["feature"]: event["age"] for event in sorted(year, key=lambda e: e["age"])}
    new = [feature for feature, age in first_age.items() if age <= 91]
    return [*sorted(new, key=lambda f: (-month[f], f)), None, None, None]


def busiest_month(events: list[Row], snapshot: date) -> float | None:
    return float(max(len(users) for users in by_month(events, snapshot))) or None


def adopted(events: list[Row], included: set[str]) -> Row:
    of_late = {event["feature"] for event in within(events, 91)}
    used = float(len(included & of_late)) if included else None
    return {"plan_features_included": float(len(included)) or None, "plan_features_used": used}


def people(everybody: list[Row]) -> Row:
    active = [user for user in everybody if user["deactivated_at"] is None]
    sizes = Counter(user["team"] for user in active if user["team"])
    since = {team: max(u["age"] for u in everybody if u["team"] == team) for team in sizes}
    new = sorted((t for t in sizes if since[t] <= 91), key=lambda t: (-sizes[t], t))
    team, *further = [*new, None, None, None][:3]
    domains = Counter(user["email_domain"] for user in active if user["email_domain"])
    main = min(domains, key=lambda domain: (-domains[domain], domain), default=None)
    others = [u for u in active if u["email_domain"] not in (None, main) and u["age"] <= 91]
    came = Counter(user["email_domain"] for user in others)
    return {
        "new_team": team,
        "second_new_team": further[0],
        "third_new_team": further[1],
        "new_team_users": None if team is None else float(sizes[team]),
        "new_domain": min(came, key=lambda domain: (-came[domain], domain), default=None),
        "new_domain_users": float(max(came.values())) if came else None,
    }


def relationship(events: list[Row], snapshot: date) -> Row:
    found: Row = {}
    for kind, (days, day, *named) in EVENTS.items():
        latest = first(
            [event for event in within(events, days) if event["kind"] == kind],
            lambda e: (e["age"], e["product"] or LAST, e["name"] or LAST),
        )
        found[day] = None if latest["age"] is None else snapshot - timedelta(days=latest["age"])
        values = zip(named, (latest["product"], latest["name"]), strict=False)
        found |= {name: value for name, value in values if name}
    budget = first(
        [event for event in within(events, 182) if event["kind"] == "budget_opened"],
        lambda e: (e["age"], e["product"] or LAST, e["name"] or LAST, e["amount"] is None, e["amount"] or 0),
    )
    reached = [event["age"] for event in within(events, 365) if event["kind"] == "milestone_reached"]
    answered = [e["age"] for e in events if e["kind"] == "nps_response" and e["amount"] is not None]
    return found | {
        "days_since_milestone": min(reached, default=None),
        "days_since_review": min((e["age"] for e in within(events, 182) if e["kind"] == "qbr_held"), default=None),
        "budget_amount": budget["amount"],
        "nps_on": snapshot - timedelta(days=min(answered)) if answered else None,
        "days_since_nps": min(answered, default=None),
    }


def put_off(plays: list[Row]) -> Row:
    """The last play that ended ``not now``, and why: what stands before a colon, where it says anything."""
    ended = [play for play in plays if play["status"] == "not_now" and play["closed_at_age"] is not None]
    said = []
    for play in ended:
        reason = (play["reason"] or "").split(":")[0].strip()
        why = None if reason in ("", "other") else reason
        said.append((play["closed_at_age"], why is None, why or "", play["play"]))
    _, unsaid, why, play = min(said, default=(None, True, "", None))
    return {"not_now_play": play, "not_now_name": None if unsaid else why}


def support(tickets: list[Row], included: set[str], snapshot: date) -> Row:
    requests = [t for t in within(tickets, 182) if t["kind"] == "feature_request" and t["feature"]]
    asked = first(requests, lambda t: (t["age"], t["feature"]))
    critical = first(
        [t for t in tickets if t["severity"] == "critical" and t["closed_at"] is None],
        lambda t: (-t["age"], t["ticket_id"]),
    )
    recent = within(tickets, 182)
    latest = first(recent, lambda t: t["age"])
    return {
        "ticket_on": None if latest["age"] is None else snapshot - timedelta(days=latest["age"]),
        "rated_tickets": float(sum(None not in (t["csat"], t["closed_at"]) for t in recent)) if recent else None,
        "request_feature": asked["feature"],
        "requested_on": None if asked["age"] is None else snapshot - timedelta(days=asked["age"]),
        "days_since_request": asked["age"],
        **answered(requests),
        "request_included": None if asked["age"] is None else float(asked["feature"] in included),
        "critical_feature": critical["feature"],
        "critical_since": None if critical["age"] is None else snapshot - timedelta(days=critical["age"]),
    }


def answered(tickets: list[Row]) -> Row:
    """Whether the latest of these is open, and else when it was closed."""
    last = first(
        tickets,
        lambda t: (t["age"], t["feature"], t["closed_at"] is not None, -(t["closed_at"] or date.min).toordinal()),
    )
    is_open = None if last["age"] is None else float(last["closed_at"] is None)
    return {"request_is_open": is_open, "request_closed_on": last["closed_at"]}


def contract(counted: list[Row], lines: list[Row], snapshot: date) -> Row:
    changes = plain_changes([line["plain"] for line in counted], ExpansionRules())
    moves = [{"age": (snapshot - row["day"]).days, **row} for row in changes if row["class"] in MOTIONS]
    mrr: dict[tuple[str, str], int] = Counter()
    for line in lines:
        if line["plan"]:
            mrr[line["plan"], line["current"]] += e4(line["mrr"]) or 0
    dearest = [*sorted(mrr, key=lambda plan: (-mrr[plan], plan)), *[(None, None)] * 3]
    renewals = [line["renews_on"] for line in lines if line["renews_on"] and line["renews_on"] >= snapshot]
    last = first(moves, lambda m: (m["age"], m["before"].mrr_e4 - m["after"].mrr_e4, m["product"]))
    back = [(snapshot - row["day"]).days for row in changes if row["class"] == "reactivation"]
    returned = min((age for age in back if age <= 182), default=None)
    return {
        "returned_on": None if returned is None else snapshot - timedelta(days=returned),
        "days_since_returned": returned,
        "expanded_on": last["day"],
        "expanded_product": last["product"],
        "expanded_seats": last["after"].seats - last["before"].seats if last["class"] == "seat" else None,
        "renews_on": min(renewals, default=None),
        **{f"plan_{place}": dearest[place - 1][0] for place in (1, 2, 3)},
        **{f"plan_product_{place}": dearest[place - 1][1] for place in (1, 2, 3)},
    }


def ended(counted: list[Row], owned: set[str], names: dict[str, tuple[str, date]], snapshot: date) -> Row:
    """The product that ended last within a quarter, under the name that it has now, and when."""
    gone = []
    for line in counted:
        product, end = name_now(line["product"], names, snapshot), line["valid_to"]
        is_paid = line["plain"].pays and not line["plain"].is_discount
        if end and is_paid and (snapshot - end).days <= 91 and product not in owned:
            gone.append({"age": float((snapshot - end).days), "product": product, "on": end})
    last = first(gone, lambda row: (row["age"], row["product"]))
    return {"ended_product": last["product"], "ended_on": last["on"], "days_since_ended": last["age"]}


def main_products(lines: list[Row], owned: set[str]) -> Row:
    """The products of an account, by the names that they have on the day: by MRR, then those that are billed alone."""
    mrr: dict[str, int] = Counter()
    for line in lines:
        mrr[line["current"]] += e4(line["mrr"]) or 0
    dearest = sorted(owned, key=lambda name: (name not in mrr, -mrr[name], name))
    return dict(zip(("main_product", "second_product", "third_product"), [*dearest, None, None, None], strict=False))


def billed_products(services: list[Row]) -> Row:
    """Those that most was billed for in a year and in a quarter; the first by name of two that are equal."""
    products = {row["product"] for row in services} - {None}

    def billed(days: int) -> dict[str, int]:
        return {name: billed_of([row for row in services if row["product"] == name], days) for name in products}

    year, quarter = billed(365), {name: amount for name, amount in billed(91).items() if amount > 0}
    of_late = [*sorted(quarter, key=lambda name: (-quarter[name], name)), None, None]
    return {
        "billed_product": min(year, key=lambda name: (-year[name], name), default=None),
        "billed_product_91d": of_late[0],
        "second_billed_product_91d": of_late[1],
    }


def groups_by_hand(frames: dict[str, pd.DataFrame], customers: list[str], snapshot: date) -> dict[str, Row]:
    """The details that see others of an account's group, of each of the customers of one day."""
    tops = groups_of(frames["accounts"])
    names = {row["account_id"]: row["name"] for row in rows_of(frames["accounts"])}
    owned = {account: products_of(frames, account, snapshot) for account in customers}
    found = {}
    for account in customers:
        top = tops.get(account)
        others = [other for other in customers if other != account and top and tops.get(other) == top]
        owners = Counter(product for other in others for product in owned[other] - owned[account])
        product = min(owners, key=lambda name: (-owners[name], name), default=None)
        found[account] = {
            "group_id": top,
            "group_name": None if top is None else names[top],
            "group_product": product,
            "group_product_owners": None if product is None else float(owners[product]),
        }
    return found
