"""The features of one account on one day as a plain loop over its rows would count them, without Ibis and without SQL.

Written from the meaning of each feature, not from its code. ``None`` is missing.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable
from datetime import date, timedelta
from math import floor
from typing import Any

import pandas as pd

from data.ledger.rules import ExpansionRules

Row = dict[str, Any]
HAPPENED = {
    "subscriptions": "valid_from",
    "invoices": "billed_at",
    "usage_events": "occurred_at",
    "users": "created_at",
    "tickets": "opened_at",
    "crm_events": "occurred_at",
    "outcomes": "opened_at",
}
ENDS = ("valid_to", "closed_at", "deactivated_at")


def by_hand(frames: dict[str, pd.DataFrame], account_id: str, snapshot: date, rules: ExpansionRules) -> Row:
    """The values of the features, by name."""
    known = {
        name: list(known_rows(frames[name], account_id, happened, snapshot)) for name, happened in HAPPENED.items()
    }
    plans = {(row["product"], row["plan"]): row for row in rows_of(frames["plans"])}
    rights = defaultdict(dict)
    measured: dict[tuple[str, str], dict[str, str | None]] = defaultdict(dict)
    for row in rows_of(frames["plan_features"]):
        rights[row["product"], row["plan"]][row["feature"]] = e4(row["monthly_limit"])
        measured[row["product"], row["plan"]][row["feature"]] = row["measure"]
    employees = [r["employees"] for r in rows_of(frames["accounts"]) if r["account_id"] == account_id]
    used = usage(known["usage_events"])
    bought = contracts(known["subscriptions"], known["invoices"], plans, rules, snapshot, employees)
    lines = [line for line in known["subscriptions"] if line["valid_to"] is None]
    return {
        **used,
        **bought,
        **seats(known, bought["seats"]),
        **included(known, lines, plans, rights, measured),
        **support(known["tickets"]),
        **people(known["crm_events"], known["outcomes"], bought["tenure_days"]),
        **registered(known["users"], bought["seats"], known["usage_events"]),
        "days_to_first_use": None
        if None in (bought["tenure_days"], used["days_since_first_use"])
        else bought["tenure_days"] - used["days_since_first_use"],
        **billing(known["invoices"]),
        **own(frames["account_features"], account_id, snapshot),
        "month_of_year": snapshot.month,
        "budget_window": int(snapshot.month >= 10 or snapshot.month <= 3),
    }


# --- what is known ----------------------------------------------------------------------------------------------------


def rows_of(frame: pd.DataFrame) -> list[Row]:
    """The rows as dictionaries: missing is None, and a time is its day."""
    return [{name: plain(value) for name, value in row.items()} | hours(row) for row in frame.to_dict("records")]


def hours(row: Row) -> Row:
    """The hour of an event; None at midnight sharp, which is a date and not a time."""
    at = row.get("occurred_at")
    return {"hour": at.hour if isinstance(at, pd.Timestamp) and at != at.normalize() else None}


def plain(value: Any) -> Any:
    if value is None or value is pd.NaT or value != value:
        return None
    return value.date() if isinstance(value, pd.Timestamp) else value


def known_rows(frame: pd.DataFrame, account_id: str, happened: str, snapshot: date) -> Iterable[Row]:
    """The rows of the account that had happened and were known, with their ``age`` and the ages of their ends."""
    for row in rows_of(frame[frame["account_id"] == account_id]):
        day = row[happened]
        known = row.get("known_at") or day
        if day is None or day >= snapshot or known >= snapshot:
            continue
        row["age"] = (snapshot - day).days
        if row.get("status") in ("won", "lost", "not_now"):  # over, though nobody may have said since when
            row["closed_at"] = row["closed_at"] or day
        for end in ENDS:
            if row.get(end) is not None and row[end] >= snapshot:
                row[end] = None
            if end in row:
                row[f"{end}_age"] = None if row[end] is None else (snapshot - row[end]).days
        yield row


def within(rows: Iterable[Row], days: int, after: int = 0) -> list[Row]:
    """The rows of the last ``days`` days; ``after``: of so many days before those ``after`` days."""
    return [row for row in rows if row["age"] is not None and after < row["age"] <= after + days]


def e4(value: float | None) -> int | None:
    return None if value is None else floor(value * 10_000 + 0.5)


def share(part: float | None, whole: float | None) -> float | None:
    return part / whole if part is not None and whole else None


def growth(now: float, before: float) -> float | None:
    return (now - before) / before if before > 0 else None


def total(values: Iterable[int | None]) -> int | None:
    """The sum of those that are known; None if none is."""
    known = [value for value in values if value is not None]
    return sum(known) if known else None


def least(values: Iterable[int | None]) -> int | None:
    return min((value for value in values if value is not None), default=None)


def most(values: Iterable[int | None]) -> int | None:
    return max((value for value in values if value is not None), default=None)


# --- usage ------------------------------------------------------------------------------------------------------------


def usage(events: list[Row]) -> Row:
    month, year = within(events, 28), within(events, 365)
    people, before = users(month), users(within(events, 28, after=28))
    quarter, quarter_before = users(within(events, 91)), users(within(events, 91, after=91))
    by_user = Counter(event["user_id"] for event in month if event["user_id"])
    power = [user for user in people if len({e["age"] for e in month if e["user_id"] == user}) >= 12]
    features_before = {event["feature"] for event in year if event["age"] > 91}
    features_91d = {event["feature"] for event in within(events, 91)}
    baseline = len(within(events, 182, after=28))
    months = [len(within(events, 28, after=after)) for after in (0, 28, 56)]
    pace, pace_before = growth(months[0], months[1]), growth(months[1], months[2])
    slow, normal = len(within(events, 91, after=28)), len(within(events, 91, after=119))
    exports = sum("export" in event["feature"].lower() for event in month)
    user_days = len({(event["user_id"], event["age"]) for event in month if event["user_id"]})
    return {
        "events_28d": len(month),
        "events_91d": len(within(events, 91)),
        "events_growth_28d": growth(len(month), len(within(events, 28, after=28))),
        "events_growth_91d": growth(len(within(events, 91)), len(within(events, 91, after=91))),
        "events_against_baseline": growth(len(month) * 182, baseline * 28),
        "events_against_last_year_28d": growth(len(month), len(within(events, 28, after=365))),
        "events_weekly_slope_91d": slope([len(within(events, 7, after=7 * week)) for week in range(13)]),
        "events_acceleration_28d": None if None in (pace, pace_before) else pace - pace_before,
        "spike_after_slow_quarter": share(len(month) * 91 - slow * 28 if slow < normal else 0, slow * 28),
        "export_events_28d": exports,
        "export_share_28d": share(exports, len(month)),
        "stickiness_28d": share(user_days, 28 * len(people)),
        "shared_logins_28d": shared(month),
        "quantity_28d": share(sum(quantity(event) for event in month), 10_000),
        "active_days_28d": len({event["age"] for event in month}),
        "active_days_91d": len({event["age"] for event in within(events, 91)}),
        "days_since_active": least(event["age"] for event in within(events, 210)),
        "days_since_first_use": most(event["age"] for event in events),
        "features_used_28d": len({event["feature"] for event in month}),
        "features_used_91d": len(features_91d),
        "features_new_91d": len(features_91d - features_before),
        "active_users_7d": len(users(within(events, 7))),
        "active_users_28d": len(people),
        "active_users_91d": len(quarter),
        "active_users_growth_28d": growth(len(people), len(before)),
        "active_users_growth_91d": growth(len(quarter), len(quarter_before)),
        "events_per_user_28d": share(len(month), len(people)),
        "power_users_28d": len(power),
        "power_user_share_28d": share(len(power), len(people)),
        "top_user_share_28d": share(max(by_user.values(), default=0), sum(by_user.values())),
    }


def shared(events: list[Row]) -> int | None:
    """User ids whose first and last use were 16 or more hours apart on two days or more; None if no hour is known."""
    of: dict[str, dict[int, list[int]]] = defaultdict(lambda: defaultdict(list))
    for event in events:
        if event["user_id"] and event["hour"] is not None:
            of[event["user_id"]][event["age"]].append(event["hour"])
    long = [sum(max(hours) - min(hours) >= 16 for hours in days.values()) for days in of.values()]
    return sum(count >= 2 for count in long) if of else None


def slope(tiles: list[int]) -> float | None:
    """Least squares over 13 tiles, the latest first, against their mean: sum(x (6 - i)) / 182 over total / 13."""
    whole = sum(tiles)
    return share(sum(tile * (6 - i) for i, tile in enumerate(tiles)), 14 * whole) if whole > 0 else None


def users(events: list[Row]) -> set[str]:
    return {event["user_id"] for event in events if event["user_id"]}


def quantity(event: Row) -> int:
    return 10_000 if event["quantity"] is None else e4(event["quantity"])


def seats(known: dict[str, list[Row]], bought: int | None) -> Row:
    events = known["usage_events"]
    people, quarter = len(users(within(events, 28))), len(users(within(events, 91)))
    was_open = [line for line in known["subscriptions"] if line["age"] > 91 and (line["valid_to_age"] or 0) <= 91]
    line_a_year_ago = [x for x in known["subscriptions"] if x["age"] > 365 and (x["valid_to_age"] or 0) <= 365]
    a_year_ago = total(whole(line["seats"]) for line in line_a_year_ago)
    now = share(quarter, bought)
    before = share(len(users(within(events, 91, after=91))), total(whole(line["seats"]) for line in was_open))
    return {
        "seat_utilization_28d": share(people, bought),
        "seats_free": None if bought is None else bought - people,
        "seats_growth_365d": None if None in (bought, a_year_ago) else growth(bought, a_year_ago),
        "seat_utilization_change_91d": None if now is None or before is None else now - before,
    }


def whole(value: float | None) -> int | None:
    return None if value is None else int(value)


# --- contracts --------------------------------------------------------------------------------------------------------


def owned_products(open_lines: list[Row], bills: list[Row]) -> set[str]:
    """With an open line, or billed in the last 90 days, credits taken off."""
    recent = defaultdict(int)
    for bill in within(bills, 90):
        recent[bill["product"]] += e4(bill["amount"])
    return {line["product"] for line in open_lines} | {product for product, amount in recent.items() if amount > 0}


def own(frame: pd.DataFrame, account_id: str, snapshot: date) -> Row:
    """The team's own features: the latest row, by the second."""
    rows = frame[(frame["account_id"] == account_id) & (frame["known_at"] < pd.Timestamp(snapshot))]
    seconds = rows["known_at"].dt.floor("s")
    latest = rows_of(rows[seconds == seconds.max()])
    return {name: most(row[name] for row in latest) for name in ("health", "fit")}


def contracts(
    lines: list[Row], bills: list[Row], plans: dict, rules: ExpansionRules, snapshot: date, employees: list
) -> Row:
    is_open = [line for line in lines if line["valid_to"] is None]
    mrr = total(e4(line["mrr"]) for line in is_open)
    bought = total(whole(line["seats"]) for line in is_open)
    tiers = {}
    for line in is_open:
        listed = plans.get((line["product"], line["plan"]))
        known = [tier for tier in (tiers.get(line["product"]), listed and listed["tier"]) if tier is not None]
        tiers[line["product"]] = max(known, default=None)
    priced = [
        (line, e4(plans[line["product"], line["plan"]]["seat_price"]))
        for line in is_open
        if line["seats"] is not None and (line["product"], line["plan"]) in plans
    ]
    priced = [(line, price) for line, price in priced if price is not None]
    list_price = total(whole(line["seats"]) * price for line, price in priced)
    paid = total(e4(line["mrr"]) for line, _ in priced)
    owned = owned_products(is_open, bills)
    moves = slow_ledger(lines, plans, rules, snapshot)
    motions = [move for move in moves if move["class"] in ("seat", "upsell", "cross_sell")]
    last = [move for move in motions if move["age"] == min(other["age"] for other in motions)]
    lost = [move for move in moves if move["class"] in ("contraction", "churn")]
    rises = [m for m in moves if m["class"] == "price" and m["delta"] > 0 and m["delta"] * 100 >= m["before"]]
    gained = sum(move["delta"] for move in moves if move["age"] <= 365)
    gained_91d = sum(move["delta"] for move in moves if move["age"] <= 91)
    renewals = [(x["renews_on"], x["valid_from"]) for x in is_open if x["renews_on"] and x["renews_on"] >= snapshot]
    terms = [(renews - began).days for renews, began in renewals if renews == min(renewals)[0]]
    kinds = {move["class"] for move in last}
    return {
        "tenure_days": most(row["age"] for row in lines + bills),
        "mrr": share(mrr, 10_000),
        "seats": bought,
        "mrr_per_seat": share(mrr, bought and bought * 10_000),
        "list_price_discount": share(list_price - paid, list_price) if list_price is not None else None,
        "products": len(owned),
        "products_not_owned": len({product for product, _ in plans} - owned),
        "line_age_days": least(line["age"] for line in is_open),
        "days_to_renewal": least(
            (line["renews_on"] - snapshot).days
            for line in is_open
            if line["renews_on"] and line["renews_on"] >= snapshot
        ),
        "contract_term_days": most(terms),
        "lines_open": len(is_open),
        "tier": most(tiers.values()),
        "tiers_above": sum(
            len({plan["tier"] for (owned, _), plan in plans.items() if owned == product and plan["tier"] > tier})
            for product, tier in tiers.items()
            if tier is not None
        ),
        "employees": employees[0] if employees else None,
        "seats_per_employee": share(bought, employees[0] if employees else None),
        "days_since_expansion": least(move["age"] for move in motions),
        "days_since_seat_expansion": least(move["age"] for move in motions if move["class"] == "seat"),
        "days_since_upsell": least(move["age"] for move in motions if move["class"] == "upsell"),
        "days_since_cross_sell": least(move["age"] for move in motions if move["class"] == "cross_sell"),
        "expansions": len(motions),
        "expansions_365d": sum(move["age"] <= 365 for move in motions),
        "last_expansion_share": share(
            sum(move["delta"] for move in last),
            (mrr or 0) - sum(move["delta"] for move in moves if last and move["age"] <= last[0]["age"]),
        )
        if last
        else None,
        **{
            f"last_expansion_was_{kind}": int(kind in kinds) if last else None
            for kind in ("seat", "upsell", "cross_sell")
        },
        "contractions_365d": sum(move["age"] <= 365 for move in lost),
        "days_since_contraction": least(move["age"] for move in lost),
        "days_since_price_rise": least(move["age"] for move in rises),
        "mrr_growth_365d": None if mrr is None else growth(mrr, mrr - gained),
        "mrr_growth_91d": None if mrr is None else growth(mrr, mrr - gained_91d),
    }


def slow_ledger(lines: list[Row], plans: dict, rules: ExpansionRules, snapshot: date) -> list[Row]:
    """Every change of MRR, found by walking through the days of each product one by one."""
    moves: list[Row] = []
    real = [line for line in lines if line["valid_to"] is None or line["valid_to"] > line["valid_from"]]
    first = {p: min(x["valid_from"] for x in real if x["product"] == p) for p in {x["product"] for x in real}}
    for product, begin in first.items():
        mine = [line for line in real if line["product"] == product]
        ends = [held_to(line["valid_to"], mine, rules) for line in mine]
        before, day = state([], plans), begin
        while day < snapshot:
            now = [x for x, end in zip(mine, ends, strict=True) if x["valid_from"] <= day and (not end or day < end)]
            after = state(now, plans)
            if after["mrr"] != before["mrr"]:
                is_new = (begin - min(first.values())).days <= rules.new_customer_days
                moves.append(
                    {
                        "class": classified(before, after, "new" if is_new else "cross_sell", day > begin),
                        "age": (snapshot - day).days,
                        "delta": after["mrr"] - before["mrr"],
                        "before": before["mrr"],
                    }
                )
            before, day = after, day + timedelta(days=1)
    return moves


def held_to(end: date | None, lines: list[Row], rules: ExpansionRules) -> date | None:
    """The end of a line, or the day of its late renewal."""
    if end is None or any(line["valid_from"] == end for line in lines):
        return end
    for gap in range(1, rules.renewal_gap_days + 1):
        day = end + timedelta(days=gap)
        begun = [line for line in lines if line["valid_from"] == day]
        ended = [line for line in lines if line["valid_to"] == day]
        if begun and (not ended or not same_size(begun, ended)):
            return day
    return end


def same_size(begun: list[Row], ended: list[Row]) -> bool:
    by_seat = any(line["seats"] is not None for line in begun + ended)
    column = "seats" if by_seat else "mrr"
    return sum(e4(line[column] or 0) for line in begun) == sum(e4(line[column] or 0) for line in ended)


def state(lines: list[Row], plans: dict) -> Row:
    """What is open of one product on one day."""
    names = sorted({line["plan"] for line in lines})
    tiers = [plans[line["product"], line["plan"]]["tier"] for line in lines if (line["product"], line["plan"]) in plans]
    return {
        "lines": len(lines),
        "mrr": sum(e4(line["mrr"]) for line in lines),
        "seats": total(whole(line["seats"]) for line in lines),
        "tier": most(tiers),
        "plans": (names[0], names[-1]) if names else None,
    }


def classified(before: Row, after: Row, first: str, is_back: bool) -> str:
    gained = after["mrr"] - before["mrr"]
    if not after["lines"]:
        return "churn"
    if not before["lines"]:
        return "reactivation" if is_back else first
    if abs(gained) * 100 < before["mrr"]:
        return "price"
    if gained < 0:
        return "contraction"
    is_listed = before["tier"] is not None and after["tier"] is not None
    if is_listed and after["tier"] > before["tier"]:
        return "upsell"
    if not is_listed and before["plans"] != after["plans"]:
        by_seat = before["seats"] and after["seats"]
        if not by_seat or after["mrr"] / after["seats"] > before["mrr"] / before["seats"]:
            return "upsell"
    is_lower = is_listed and after["tier"] < before["tier"]
    more = before["seats"] is not None and after["seats"] is not None and after["seats"] > before["seats"]
    return "seat" if more and not is_lower else "price"


# --- limits and the next tier -----------------------------------------------------------------------------------------


def included(known: dict[str, list[Row]], lines: list[Row], plans: dict, rights: dict, measured: dict) -> Row:
    limits: dict[str, list[int | None]] = defaultdict(list)
    for line in lines:
        for feature, limit in rights.get((line["product"], line["plan"]), {}).items():
            limits[feature].append(limit)
    measures = measures_of(lines, measured)
    gated = set()
    for product in {line["product"] for line in lines}:
        listed = [
            plans[product, x["plan"]]["tier"]
            for x in lines
            if x["product"] == product and (product, x["plan"]) in plans
        ]
        higher = [
            plan["tier"]
            for (owned, _), plan in plans.items()
            if owned == product and listed and plan["tier"] > max(listed)
        ]
        for (owned, name), plan in plans.items():
            if owned == product and higher and plan["tier"] == min(higher):
                gated |= rights.get((owned, name), {}).keys()
    gated -= limits.keys()
    events = known["usage_events"]
    used_91d = {event["feature"] for event in within(events, 91)}
    shares, days = [], []
    for feature, several in limits.items():
        if None in several:
            continue
        allowed = sum(several)
        if measures[feature]:
            now, before, apart = level(events, feature, measures[feature])
            shares.append((share(now or 0, allowed), (now or 0) * 100 > allowed * 80))
            if None not in (now, before) and now > before:
                days.append(max(allowed - now, 0) * apart / (now - before))
            continue
        now, before = (
            sum(quantity(e) for e in some if e["feature"] == feature)
            for some in (within(events, 28), within(events, 28, after=28))
        )
        shares.append((share(now * 30, allowed * 28), now * 30 * 100 > allowed * 28 * 80))
        if now > before:
            days.append(max(allowed * 28 // 30 - now, 0) * 28 / (now - before))
    return {
        "limit_share_max_28d": most(value for value, _ in shares),
        "limits_over_80pct": sum(is_over for _, is_over in shares),
        "days_to_limit": min(days, default=None),
        "features_included_share_91d": share(len(limits.keys() & used_91d), len(limits)),
        "gated_features_used_91d": len(gated & used_91d),
        "gated_share_used_91d": share(len(gated & used_91d), len(gated)),
        "gated_requests_182d": sum(ticket["feature"] in gated for ticket in within(known["tickets"], 182)),
    }


def measures_of(lines: list[Row], measured: dict) -> dict[str, str | None]:
    """Of each included feature whose use is a level: `last`, or `max` where no plan says `last`."""
    found: dict[str, str | None] = defaultdict(lambda: None)
    for line in lines:
        for feature, measure in measured.get((line["product"], line["plan"]), {}).items():
            if measure == "last" or (measure == "max" and found[feature] is None):
                found[feature] = measure
    return found


def level(events: list[Row], feature: str, measure: str) -> tuple[int | None, int | None, int]:
    """The level of a feature, that of 28 days before, and how many days lie between; of a day the highest event."""
    of_day: dict[int, int] = {}
    for event in within(events, 91):
        if event["feature"] == feature:
            of_day[event["age"]] = max(of_day.get(event["age"], 0), quantity(event))
    if measure == "max":
        months = [[value for age, value in of_day.items() if after < age <= after + 28] for after in (0, 28)]
        return most(months[0]), most(months[1]), 28
    now, before = min(of_day, default=None), min((age for age in of_day if age > 28), default=None)
    if now is None or before is None:
        return (None if now is None else of_day[now]), None, 0
    return of_day[now], of_day[before], before - now


# --- support, people, billing -----------------------------------------------------------------------------------------


def support(tickets: list[Row]) -> Row:
    rated = [ticket for ticket in tickets if ticket["closed_at"] is not None and ticket["csat"] is not None]
    now, before = (mean(t["csat"] for t in within(rated, 182, after=after)) for after in (0, 182))
    last = [ticket for ticket in rated if ticket["closed_at"] == max(other["closed_at"] for other in rated)]
    return {
        "tickets_28d": len(within(tickets, 28)),
        "tickets_91d": len(within(tickets, 91)),
        "tickets_open": sum(ticket["closed_at"] is None for ticket in tickets),
        "bug_tickets_91d": sum(ticket["kind"] == "bug" for ticket in within(tickets, 91)),
        "bug_ticket_share_91d": share(
            sum(ticket["kind"] == "bug" for ticket in within(tickets, 91)), len(within(tickets, 91))
        ),
        "severe_tickets_91d": sum(ticket["severity"] in ("high", "critical") for ticket in within(tickets, 91)),
        "critical_tickets_open": sum(t["closed_at"] is None and t["severity"] == "critical" for t in tickets),
        "feature_requests_182d": sum(ticket["kind"] == "feature_request" for ticket in within(tickets, 182)),
        "csat_182d": now,
        "csat_change_182d": None if None in (now, before) else now - before,
        "csat_last": mean(ticket["csat"] for ticket in last),
    }


def mean(values: Iterable[float]) -> float | None:
    exact = [e4(value) for value in values]
    return share(sum(exact), len(exact) * 10_000)


HALF_YEAR = ("champion_promoted", "champion_left", "qbr_held", "qbr_gap", "budget_opened", "competitor_research")


def people(events: list[Row], plays: list[Row], tenure_days: int | None) -> Row:
    ages: dict[str, list[int]] = defaultdict(list)
    for event in events:
        ages[event["kind"]].append(event["age"])
    scores = [event for event in events if event["kind"] == "nps_response" and event["amount"] is not None]
    first_value = max(ages["milestone_reached"], default=None)
    return {
        **{f"{kind}_182d": sum(age <= 182 for age in ages[kind]) for kind in HALF_YEAR},
        "days_since_champion_promoted": min(ages["champion_promoted"], default=None),
        "milestones_365d": sum(age <= 365 for age in ages["milestone_reached"]),
        "days_to_first_value": None if None in (tenure_days, first_value) else tenure_days - first_value,
        "opportunity_open": int(
            goes_on(events, "expansion_opportunity_opened", "expansion_opportunity_closed", "product")
        ),
        "invoices_overdue": int(goes_on(events, "invoice_overdue", "invoice_paid", "amount")),
        "nps_last": mean(e["amount"] for e in scores if e["age"] == min(other["age"] for other in scores)),
        "crm_events_91d": len(within(events, 91)),
        "play_open": sum(play["closed_at"] is None or play["status"] == "open" for play in plays),
        "days_since_not_now": least(play["closed_at_age"] for play in plays if play["status"] == "not_now"),
    }


def goes_on(events: list[Row], begin: str, end: str, told_by: str) -> bool:
    """Is there one that has begun and not ended? Walks through the days from the first, each day's beginnings first."""
    both = sorted((e for e in events if e["kind"] in (begin, end)), key=lambda e: (-e["age"], e["kind"] == end))
    named: dict[str, Row | None] = {}
    for event in both:
        if event["object_id"] is not None:
            named[event["object_id"]] = event if event["kind"] == begin else None
    left = [event for event in named.values() if event is not None]
    left += [event for event in both if event["object_id"] is None]
    is_told = all(event[told_by] is not None for event in left)
    still: dict[Any, int] = defaultdict(int)
    for event in sorted(left, key=lambda e: (-e["age"], e["kind"] == end)):
        which = event[told_by] if is_told else None
        still[which] = max(0, still[which] + (1 if event["kind"] == begin else -1))
    return any(still.values())


def registered(everybody: list[Row], bought: int | None, events: list[Row]) -> Row:
    active = [user for user in everybody if user["deactivated_at"] is None]
    domains = Counter(user["email_domain"] for user in active if user["email_domain"])
    main = min(domains, key=lambda domain: (-domains[domain], domain), default=None)
    others = [user for user in active if user["email_domain"] not in (None, main)]
    teams = {user["team"] for user in active if user["team"]}
    since = {team: most(user["age"] for user in everybody if user["team"] == team) for team in teams}
    new_teams = {team for team, age in since.items() if age is not None and age <= 91}
    in_use = users(within(events, 28))
    came, left = len(within(everybody, 91)), sum((user["deactivated_at_age"] or 92) <= 91 for user in everybody)
    return {
        "new_team_users_active_28d": len({u["user_id"] for u in active if u["team"] in new_teams} & in_use),
        "seats_reassigned_share_91d": share(min(came, left), bought),
        "registered_users": len(active),
        "registered_users_per_seat": share(len(active), bought),
        "users_created_28d": len(within(everybody, 28)),
        "users_created_91d": len(within(everybody, 91)),
        "users_deactivated_91d": sum((user["deactivated_at_age"] or 92) <= 91 for user in everybody),
        "teams": len(teams),
        "teams_new_91d": sum(age is not None and age <= 91 for age in since.values()),
        "other_domain_users_91d": len(within(others, 91)),
        "other_domain_share": share(len(others), len(active)),
    }


def billing(bills: list[Row]) -> Row:
    def billed(rows: list[Row]) -> int:
        return sum(e4(bill["amount"]) for bill in rows)

    year = within(bills, 365)
    quarter = billed(within(bills, 91))
    tiles = [billed(within(bills, 28, after=28 * tile)) for tile in range(13)]
    products = {bill["product"] for bill in year}
    of = {p: billed([bill for bill in year if bill["product"] == p]) for p in products}
    in_quarter = {p: billed([bill for bill in within(bills, 91) if bill["product"] == p]) for p in products}
    mine = [amount for amount in of.values() if amount > 0]
    return {
        "billed_28d": billed(within(bills, 28)) / 10_000,
        "billed_91d": quarter / 10_000,
        "billed_365d": billed(year) / 10_000,
        "billed_days_91d": len({bill["age"] for bill in within(bills, 91)}),
        "billed_growth_91d": growth(quarter, billed(within(bills, 91, after=91))),
        "billed_against_last_year": growth(quarter, billed(within(bills, 91, after=365))),
        "billed_slope_364d": slope(tiles),
        "billed_volatility_364d": share(sum(abs(13 * tile - sum(tiles)) for tile in tiles), 13 * max(sum(tiles), 0)),
        "products_billed_91d": sum(amount > 0 for amount in in_quarter.values()),
        "top_product_share_365d": share(max(mine, default=0), sum(mine)),
        "days_since_billed": least(bill["age"] for bill in within(bills, 456) if bill["amount"] > 0),
        "credit_share_365d": share(
            -billed([bill for bill in year if bill["amount"] < 0]),
            billed([bill for bill in year if bill["amount"] > 0]),
        ),
    }
