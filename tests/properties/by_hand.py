"""The features of one account on one day as a plain loop over its rows would count them, without Ibis and without SQL.

Written from the meaning of each feature, not from its code. ``None`` is missing.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import replace
from datetime import date, timedelta
from itertools import takewhile
from math import floor
from typing import Any

import pandas as pd

from data.ledger.rules import ExpansionRules
from tests.properties.ledger_by_hand import PlainLine, plain_changes, standing

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
ENDS = ("valid_to", "closed_at", "deactivated_at", "notice_at")
NOBODY = pd.DataFrame(columns=["product", "successor", "from_day"])


def by_hand(frames: dict[str, pd.DataFrame], account_id: str, snapshot: date, rules: ExpansionRules) -> Row:
    """The values of the features, by name."""
    known, lines, services, names, plans = commercial(frames, account_id, snapshot, rules)
    rights = defaultdict(dict)
    measured: dict[tuple[str, str], dict[str, str | None]] = defaultdict(dict)
    for row in rows_of(frames["plan_features"]):
        rights[row["product"], row["plan"]][row["feature"]] = e4(row["monthly_limit"])
        measured[row["product"], row["plan"]][row["feature"]] = row["measure"]
    employees = [r["employees"] for r in rows_of(frames["accounts"]) if r["account_id"] == account_id]
    used = usage(known["usage_events"])
    bought = contracts(lines, known, services, plans, names, rules, snapshot, employees)
    is_open = [line for line in open_lines(lines) if not line["plain"].is_discount]
    return {
        **used,
        **bought,
        **seats(known, lines, bought["seats"], snapshot),
        **included(known, is_open, plans, rights, measured, snapshot),
        **support(known["tickets"]),
        **people(known["crm_events"], known["outcomes"], bought["tenure_days"]),
        **registered(known["users"], bought["seats"], known["usage_events"]),
        "days_to_first_use": None
        if None in (bought["tenure_days"], used["days_since_first_use"])
        else bought["tenure_days"] - used["days_since_first_use"],
        **billing(known["invoices"], services),
        **own(frames["account_features"], account_id, snapshot),
        "month_of_year": snapshot.month,
        "budget_window": int(snapshot.month >= 10 or snapshot.month <= 3),
    }


def commercial(
    frames: dict[str, pd.DataFrame], account_id: str, snapshot: date, rules: ExpansionRules
) -> tuple[dict[str, list[Row]], list[Row], list[Row], dict[str, tuple[str, date]], dict[tuple[str, str], Row]]:
    """What is known of an account: its rows by table, its lines that count, what it was billed for; and of all, what
    products became, and the plans."""
    known = {
        name: list(known_rows(frames[name], account_id, happened, snapshot)) for name, happened in HAPPENED.items()
    }
    plans = {(row["product"], row["plan"]): row for row in rows_of(frames["plans"])}
    names = {r["product"]: (r["successor"], r["from_day"]) for r in rows_of(frames.get("product_succession", NOBODY))}
    lines = standing_lines(known["subscriptions"], plans, names, rules, snapshot)
    known["every_invoice"] = list(known["invoices"])
    if rules.billed_and_subscribed == "payments":
        paid = {
            name_now(row["product"], names, snapshot)
            for row in known["subscriptions"]
            if is_paid_for(row) and (row["valid_to"] is None or row["valid_to"] > row["valid_from"])
        }
        known["invoices"] = [
            bill
            for bill in known["invoices"]
            if bill["kind"] is not None or name_now(bill["product"], names, snapshot) not in paid
        ]
    return known, lines, serviced(known["invoices"], names, snapshot), names, plans


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
        if row.get("ends_known_at") is not None and row["ends_known_at"] >= snapshot:
            row["valid_to"] = None
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
    tells = tells_users(events)
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
        "active_users_7d": len(users(within(events, 7))) if tells else None,
        "active_users_28d": len(people) if tells else None,
        "active_users_91d": len(quarter) if tells else None,
        "active_users_growth_28d": growth(len(people), len(before)),
        "active_users_growth_91d": growth(len(quarter), len(quarter_before)),
        "events_per_user_28d": share(len(month), len(people)),
        "power_users_28d": len(power) if tells else None,
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


def tells_users(events: list[Row]) -> bool:
    """Does any use of the last half year say whose it is, if there was some?"""
    half_year = within(events, 182)
    return not half_year or bool(users(half_year))


def quantity(event: Row) -> int:
    return 10_000 if event["quantity"] is None else e4(event["quantity"])


def seats(known: dict[str, list[Row]], lines: list[Row], bought: int | None, snapshot: date) -> Row:
    events = known["usage_events"]
    tells = tells_users(events)
    people, quarter = (len(users(within(events, days))) if tells else None for days in (28, 91))
    a_year_ago = total(whole(line["seats"]) for line in open_lines(lines, 365))
    now = share(quarter, bought)
    months = by_month(events, snapshot)
    seats_before = total(whole(line["seats"]) for line in open_lines(lines, 91))
    before = share(len(users(within(events, 91, after=91))), seats_before)
    return {
        "seat_utilization_28d": share(people, bought),
        "seats_free": None if None in (bought, people) else bought - people,
        "seat_excess_months": None
        if not bought or not tells
        else sum(max(len(m) * 100 - bought * 80, 0) for m in months) / (bought * 100),
        "months_full_in_a_row": None
        if not bought or not tells
        else in_a_row(len(m) * 100 >= bought * 95 for m in months),
        "seats_growth_365d": None if None in (bought, a_year_ago) else growth(bought, a_year_ago),
        "seat_utilization_change_91d": None if now is None or before is None else now - before,
    }


def by_month(events: list[Row], snapshot: date) -> list[set[str]]:
    """Who was active in each of the twelve calendar months before that of the snapshot, the latest first."""
    of: dict[int, set[str]] = defaultdict(set)
    for event in events:
        of[months_back(event, snapshot)] |= users([event])
    return [of[back] for back in range(1, 13)]


def months_back(event: Row, snapshot: date) -> int:
    """How many calendar months before that of the snapshot it happened."""
    day = snapshot - timedelta(days=event["age"])
    return (snapshot.year - day.year) * 12 + snapshot.month - day.month


def in_a_row(held: Iterable[bool]) -> int:
    """How often it held before it first did not."""
    return len(list(takewhile(bool, held)))


def whole(value: float | None) -> int | None:
    return None if value is None else int(value)


# --- contracts --------------------------------------------------------------------------------------------------------


def name_now(product: str, names: dict[str, tuple[str, date]], snapshot: date) -> str:
    """What the product is called at the snapshot; it may have changed its name three times."""
    for _ in range(3):
        if product in names and names[product][1] is not None and names[product][1] < snapshot:
            product = names[product][0]
        else:
            break
    return product


def standing_lines(rows: list[Row], plans: dict, names: dict, rules: ExpansionRules, snapshot: date) -> list[Row]:
    """The lines that count, as rows with the end that they have and the age of it, and ``plain`` beside."""
    of: dict[PlainLine, list[Row]] = defaultdict(list)
    for row in rows:
        if row.get("kind") == "discount":
            row["seats"] = None
        listed = None if row.get("kind") == "discount" else plans.get((row["product"], row["plan"]))
        tier = None if listed is None or listed["tier"] is None else int(listed["tier"])
        line = PlainLine(
            name_now(row["product"], names, snapshot),
            row["plan"],
            e4(row["mrr"]),
            whole(row["seats"]),
            tier,
            row["valid_from"],
            row["valid_to"],
            row.get("known_at") or row["valid_from"],
            row["renews_on"],
            row.get("contract_id"),
            row.get("kind"),
            row.get("booked_at"),
        )
        of[replace(line, end=None)].append(row)
    every = [line for plain, several in of.items() for line in (replace(plain, end=r["valid_to"]) for r in several)]
    found = []
    for line in standing(every, rules, snapshot):
        row = of_line(of, line)
        age = (snapshot - line.start).days
        ended = None if line.end is None else (snapshot - line.end).days
        found.append(
            {**row, "valid_from": line.start, "valid_to": line.end, "age": age, "valid_to_age": ended, "plain": line}
        )
    return found


def of_line(of: dict[PlainLine, list[Row]], line: PlainLine) -> Row:
    """A row that the line was made of; a discount may begin later than its row says."""
    for plain, rows in of.items():
        if replace(plain, start=line.start) == replace(line, end=None) and plain.start <= line.start:
            return rows[0]
    raise LookupError(line)


def open_lines(lines: list[Row], ago: int = 0) -> list[Row]:
    """The lines that were open so many days ago, of products that somebody paid for then, discounts with them."""
    is_open = [x for x in lines if x["age"] > ago and (x["valid_to"] is None or x["valid_to_age"] <= ago)]
    paid = {line["plain"].product for line in is_open if line["plain"].pays}
    return [line for line in is_open if line["plain"].product in paid]


def owned_products(lines: list[Row], bills: list[Row], services: list[Row]) -> set[str]:
    """With an open line, or billed for use: in the last 90 days, credits taken off, or for a time that goes on."""
    recent = defaultdict(int)
    for bill in within(bills, 90):
        recent[bill["current"]] += e4(bill["amount"])
    goes_on = {row["product"] for row in services if row["rate"] is not None and row["rate"] > 0 and row["end"] is None}
    billed = {product for product, amount in recent.items() if amount > 0}
    return {line["plain"].product for line in open_lines(lines)} | billed | goes_on


def own(frame: pd.DataFrame, account_id: str, snapshot: date) -> Row:
    """The team's own features: the latest row, by the second."""
    rows = frame[(frame["account_id"] == account_id) & (frame["known_at"] < pd.Timestamp(snapshot))]
    seconds = rows["known_at"].dt.floor("s")
    latest = rows_of(rows[seconds == seconds.max()])
    return {name: most(row[name] for row in latest) for name in ("health", "fit")}


def contracts(
    lines: list[Row],
    known: dict[str, list[Row]],
    services: list[Row],
    plans: dict,
    names: dict,
    rules: ExpansionRules,
    snapshot: date,
    employees: list,
) -> Row:
    bills = known["invoices"]
    with_discounts = open_lines(lines)
    is_open = [line for line in with_discounts if not line["plain"].is_discount]
    mrr = total(line["plain"].mrr_e4 for line in with_discounts)
    bought = total(whole(line["seats"]) for line in is_open)
    tiers = {}
    for line in is_open:
        tier = line["plain"].tier
        tiers[line["product"]] = max((t for t in (tiers.get(line["product"]), tier) if t is not None), default=None)
    priced = [
        (line, e4(plans[line["product"], line["plan"]]["seat_price"]))
        for line in is_open
        if line["seats"] is not None and (line["product"], line["plan"]) in plans
    ]
    priced = [(line, price) for line, price in priced if price is not None]
    list_price = total(whole(line["seats"]) * price for line, price in priced)
    paid = total(line["plain"].mrr_e4 for line, _ in priced)
    owned = owned_products(lines, bills, services)
    gone = {product for product, (_, since) in names.items() if since is not None and since < snapshot}
    moves = [
        {
            "class": row["class"],
            "age": (snapshot - row["day"]).days,
            "delta": row["after"].mrr_e4 - row["before"].mrr_e4,
            "before": row["before"].mrr_e4,
        }
        for row in plain_changes([line["plain"] for line in lines], rules)
        if row["class"] is not None
    ]
    motions = [move for move in moves if move["class"] in ("seat", "upsell", "cross_sell")]
    last = [move for move in motions if move["age"] == min(other["age"] for other in motions)]
    lost = [move for move in moves if move["class"] in ("contraction", "churn")]
    rises = [m for m in moves if m["class"] == "price" and m["delta"] > 0 and m["delta"] * 100 >= m["before"]]
    gained = sum(move["delta"] for move in moves if move["age"] <= 365)
    gained_91d = sum(move["delta"] for move in moves if move["age"] <= 91)
    renewals = [(x["renews_on"], x["valid_from"]) for x in is_open if x["renews_on"] and x["renews_on"] >= snapshot]
    terms = [(renews - began).days for renews, began in renewals if renews == min(renewals)[0]]
    kinds = {move["class"] for move in last}
    was_paid = [row for row in known["subscriptions"] if is_paid_for(row) and was_believed_in(row)]
    return {
        "tenure_days": most(row["age"] for row in was_paid + known["every_invoice"]),
        "mrr": share(mrr, 10_000),
        "seats": bought,
        "mrr_per_seat": share(mrr, bought and bought * 10_000),
        "list_price_discount": share(list_price - paid, list_price) if list_price is not None else None,
        "products": len(owned),
        "products_not_owned": len({product for product, _ in plans} - owned - gone),
        "line_age_days": least(line["age"] for line in is_open),
        "days_to_renewal": least(
            (line["renews_on"] - snapshot).days
            for line in is_open
            if line["renews_on"] and line["renews_on"] >= snapshot
        ),
        "contract_term_days": most(terms),
        "lines_open": len(is_open),
        "lines_under_notice": sum(line["notice_at"] is not None for line in is_open),
        "days_since_notice": least((snapshot - x["notice_at"]).days for x in is_open if x["notice_at"] is not None),
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


def was_believed_in(row: Row) -> bool:
    """A line of no day is none, unless only a later day told that it ended as it began."""
    told_on = row.get("ends_known_at")
    was_told_later = told_on is not None and told_on > (row.get("known_at") or row["valid_from"])
    return row["valid_to"] is None or row["valid_to"] > row["valid_from"] or was_told_later


def is_paid_for(row: Row) -> bool:
    """A line's kind says that somebody pays; without a kind it is paid for if it costs something."""
    return row["kind"] == "paid" or (row["kind"] is None and row["mrr"] is not None and e4(row["mrr"]) > 0)


# --- limits and the next tier -----------------------------------------------------------------------------------------


def included(
    known: dict[str, list[Row]], lines: list[Row], plans: dict, rights: dict, measured: dict, snapshot: date
) -> Row:
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
        until = days_until_met(events, feature, measures[feature], allowed)
        days += [] if until is None else [until]
        if measures[feature]:
            now, _, _ = level(events, feature, measures[feature])
            shares.append((share(now or 0, allowed), (now or 0) * 100 > allowed * 80))
            continue
        now = sum(quantity(e) for e in within(events, 28) if e["feature"] == feature)
        shares.append((share(now * 30, allowed * 28), now * 30 * 100 > allowed * 28 * 80))
    return {
        "limit_share_max_28d": most(value for value, _ in shares),
        "limits_over_80pct": sum(is_over for _, is_over in shares),
        "days_to_limit": min(days, default=None),
        "features_included_share_91d": share(len(limits.keys() & used_91d), len(limits)),
        "gated_features_used_91d": len(gated & used_91d),
        "gated_share_used_91d": share(len(gated & used_91d), len(gated)),
        "months_of_gated_use": len(
            {months_back(e, snapshot) for e in events if e["feature"] in gated} & set(range(1, 7))
        ),
        "gated_requests_182d": sum(ticket["feature"] in gated for ticket in within(known["tickets"], 182)),
    }


def days_until_met(events: list[Row], feature: str, measure: str | None, allowed: int) -> float | None:
    """Days until a limit is met at the growth of a month, of a level or of what is added up."""
    if measure:
        now, before, apart = level(events, feature, measure)
        if None in (now, before) or now <= before:
            return None
        return max(allowed - now, 0) * apart / (now - before)
    now, before = (
        sum(quantity(e) for e in some if e["feature"] == feature)
        for some in (within(events, 28), within(events, 28, after=28))
    )
    return max(allowed * 28 // 30 - now, 0) * 28 / (now - before) if now > before else None


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
        "days_since_won": least(play["closed_at_age"] for play in plays if play["status"] == "won"),
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
        "new_team_users_active_28d": len({u["user_id"] for u in active if u["team"] in new_teams} & in_use)
        if tells_users(events)
        else None,
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


def months_of(days: int) -> int:
    """The whole months that a period of so many days is; 0 if it is none. A month has 30.4375 days."""
    months = floor(days / 30.4375 + 0.5)
    return months if abs(days - months * 30.4375) <= 2.5 else 0


NEAR = {30: (25, 36), 91: (84, 98), 182: (174, 190), 365: (350, 380), 61: (55, 67), 122: (114, 130), 731: (716, 746)}
NEAR |= {7: (3, 11), 14: (14, 14), 21: (17, 24), 28: (28, 28)}
MONTHS = {30: 1, 91: 3, 182: 6, 365: 12, 61: 2, 122: 4, 731: 24}
GRACE = {30: 15, 91: 30, 182: 30, 365: 30, 61: 20, 122: 30, 731: 30, 7: 10, 14: 10, 21: 10, 28: 15}
CADENCES = {(1, 28): 5, (1, 30): 3, (1, 91): 3, (1, 182): 3, (1, 365): 2, (1, 61): 3, (1, 122): 3, (1, 731): 2}
CADENCES |= {(1, 14): 5, (2, 30): 4, (3, 30): 5, (4, 30): 11, (1, 7): 6, (1, 21): 5}
"""Bills per cadence, its days, and how many bills it takes to see it, in the order in which they are tried."""


def serviced(bills: list[Row], names: dict, snapshot: date) -> list[Row]:
    """What was billed: a monthly ``rate`` from a day to a day (None: it goes on), or an ``amount`` of one day."""
    for bill in bills:
        bill["current"] = None if bill["product"] is None else name_now(bill["product"], names, snapshot)
    bills[:] = [bill for bill in bills if bill.get("kind") != "subscription"]
    found = []
    for product, is_ahead in {(bill["current"], bill.get("kind") == "prepaid") for bill in bills}:
        mine = [bill for bill in bills if (bill["current"], bill.get("kind") == "prepaid") == (product, is_ahead)]
        dated = [
            b for b in mine if b.get("period_start") and b.get("period_end") and b["period_end"] > b["period_start"]
        ]
        found += periods(product, dated, snapshot)
        undated = [bill for bill in mine if not any(bill is other for other in dated)]
        found += by_cadence(product, undated, snapshot, is_ahead)
    rated = {row["product"] for row in found if row["rate"] is not None}
    found = [row for row in found if row["rate"] is not None or row["amount"] > 0 or row["product"] not in rated]
    found = [row for row in found if row["start"] < snapshot]
    for row in found:
        row["age"] = (snapshot - row["start"]).days
        row["end_age"] = 0 if row["end"] is None else (snapshot - row["end"]).days
    return found


def periods(product: str | None, bills: list[Row], snapshot: date) -> list[Row]:
    found = []
    spans = {(bill["period_start"], bill["period_end"]) for bill in bills}
    begun, ended = {start for start, _ in spans}, {end for _, end in spans}
    for start, end in spans:
        mine = [bill for bill in bills if (bill["period_start"], bill["period_end"]) == (start, end)]
        amount, billed_on = sum(e4(bill["amount"]) for bill in mine), min(bill["billed_at"] for bill in mine)
        days = (end - start).days
        months = months_of(days)
        rate = amount // months if months else amount * 487 // (16 * days)
        in_arrears = (end - billed_on).days < (billed_on - start).days
        grace = 30 if months >= 3 else 15
        again = least(other for other in begun - ended if other >= end)
        to = end
        if end >= snapshot:
            to = None
        elif end not in begun and amount > 0:
            if again is None:
                to = None if (snapshot - end).days <= (days if in_arrears else 0) + grace else end
            elif (again - end).days <= days + grace:
                to = again
        found.append({"product": product, "start": start, "end": to, "rate": rate, "amount": None})
    return found


def by_cadence(product: str | None, bills: list[Row], snapshot: date, is_ahead: bool) -> list[Row]:
    of_day: dict[date, int] = defaultdict(int)
    for bill in bills:
        of_day[bill["billed_at"]] += e4(bill["amount"])
    days = sorted(day for day, amount in of_day.items() if amount > 0)
    cadence = next((kind for kind, fewest in CADENCES.items() if len(days) >= fewest and keeps(days, *kind)), None)
    found = []
    for day, amount in of_day.items():
        row = {"product": product, "start": day, "end": None, "rate": None, "amount": amount}
        if cadence and amount > 0:
            step, every = cadence
            following = takes_over(days, day, step, every)
            end = following or day + timedelta(days=every)
            if end >= snapshot or (following is None and (snapshot - day).days <= every + GRACE[every]):
                end = None
            rate = amount // MONTHS[every] if every in MONTHS else amount * 487 // (16 * every)
            start = days[0] if days.index(day) < step else day
            row |= {"start": start, "end": end, "rate": rate, "amount": None}
        elif is_ahead and amount > 0:
            row |= used_up(of_day, days, day, snapshot)
        found.append(row)
    return found


def used_up(of_day: dict[date, int], days: list[date], day: date, snapshot: date) -> Row:
    """Credit bought ahead is used as fast as what was bought before it; the first as fast as it was.

    What is bought when the one before should have been used up for as long again is a first one, too.
    """

    def lasts(place: int) -> int | None:
        if place == 0:
            return None
        before, then = days[place - 1], days[place]
        return min(of_day[then] * (then - before).days // of_day[before], 1096)

    def is_late(place: int) -> bool:
        """Does the next one come too late to follow this one?"""
        days_kept = lasts(place)
        return place + 1 < len(days) and days_kept is not None and (days[place + 1] - days[place]).days > 2 * days_kept

    place, following = days.index(day), on_from(days, day, 1)
    before, took, kept = days[place - 1], (day - days[place - 1]).days, lasts(place)
    if place == 0 or is_late(place - 1):
        if following is None or (following - day).days > 1096:
            return {}
        before, took, kept = day, (following - day).days, (following - day).days
    waits = following is None and (snapshot - day).days <= 2 * kept
    end = following if following and not is_late(place) else day + timedelta(days=kept)
    rate = of_day[before] * 487 // (16 * took)
    return {"end": None if waits or end >= snapshot else end, "rate": rate, "amount": None}


def on_from(days: list[date], day: date, step: int) -> date | None:
    """The bill that is so many bills on."""
    place = days.index(day) + step
    return days[place] if step and place < len(days) else None


def comes_again(days: list[date], day: date, on: int, step: int, every: int, times: int = 1) -> date | None:
    """The bill that is so many ``on``, if it comes as many days later as the same bill does after so many ``times``.

    Four bills a month come on their days of the month, or one beside it.
    """
    (low, high), other = (27, 32) if step == 4 else NEAR[every], on_from(days, day, on)
    more = every * (times - 1)
    if not other or not low + more <= (other - day).days <= high + more:
        return None
    return None if step == 4 and abs(other.day - day.day) > 1 else other


def takes_over(days: list[date], day: date, step: int, every: int) -> date | None:
    """When the next bill takes the place of this one: the same bill, though one between the two may be missing."""
    same = on_from(days, day, step)
    waits = GRACE[every] + (2 * every if step == 1 else every)
    return (
        comes_again(days, day, step, step, every)
        or comes_again(days, day, step - 1, step, every)
        or comes_again(days, day, 2 * step - 1, step, every, times=2)
        or (same if same and (same - day).days <= waits else None)
    )


def keeps(days: list[date], step: int, every: int) -> bool:
    """Do at least 80% of these bills come again in time? One that is missing is forgiven: ``step`` bills tell.

    Of those that come again on the very day all do.
    """
    hits = [day for day in days if comes_again(days, day, step, step, every)]
    others = [
        day
        for day in days
        if day not in hits
        and (
            comes_again(days, day, step - 1, step, every) or comes_again(days, day, 2 * step - 1, step, every, times=2)
        )
    ]
    tenths = 10 if every in (14, 28) else 8
    return bool(hits) and (len(hits) + min(len(others), step)) * 10 >= (len(days) - step) * tenths


def billed_of(services: list[Row], days: int, after: int = 0, *, filled: bool = False) -> int:
    """What services came to in so many days, that end ``after`` days before the day."""
    rates = [row for row in services if row["rate"] is not None]
    rate_days = sum(r["rate"] * max(0, min(r["age"], after + days) - max(r["end_age"], after)) for r in rates)
    held = min(max((row["age"] for row in rates), default=0) - after, days)
    if filled and 0 < held < days:
        rate_days = floor(rate_days * days / held)
    amounts = sum(row["amount"] for row in services if row["rate"] is None and after < row["age"] <= after + days)
    return floor(rate_days * max(1, round(days / 30.4375)) / days) + amounts


def recently_billed(services: list[Row]) -> list[Row]:
    return [row for row in services if (row["age"] if row["rate"] is None else row["end_age"]) <= 456]


def billing(bills: list[Row], services: list[Row]) -> Row:
    recent = recently_billed(services)

    def billed(days: int, after: int = 0, *, filled: bool = False, of: list[Row] = recent) -> int:
        return billed_of(of, days, after, filled=filled)

    def of(product: str | None) -> list[Row]:
        return [row for row in recent if row["product"] == product]

    year, quarter = within(bills, 365), billed(91)
    tiles = [billed(28, after=28 * tile) for tile in range(13)]
    products = {row["product"] for row in recent}
    mine = [amount for amount in (billed(365, of=of(product)) for product in products) if amount > 0]

    def charged(rows: list[Row]) -> int:
        return sum(e4(bill["amount"]) for bill in rows)

    return {
        "billed_28d": billed(28) / 10_000,
        "billed_91d": quarter / 10_000,
        "billed_365d": billed(365) / 10_000,
        "billed_days_91d": len({bill["age"] for bill in within(bills, 91)}),
        "billed_growth_91d": growth(quarter, billed(91, after=91, filled=True)),
        "billed_against_last_year": growth(quarter, billed(91, after=365, filled=True)),
        "billed_slope_364d": slope(tiles),
        "billed_volatility_364d": share(sum(abs(13 * tile - sum(tiles)) for tile in tiles), 13 * max(sum(tiles), 0)),
        "products_billed_91d": sum(billed(91, of=of(product)) > 0 for product in products),
        "top_product_share_365d": share(max(mine, default=0), sum(mine)),
        "overage_share_91d": share(
            charged([bill for bill in within(bills, 91) if bill["amount"] > 0 and bill.get("kind") == "overage"]),
            charged([bill for bill in within(bills, 91) if bill["amount"] > 0]),
        ),
        "days_since_billed": least(bill["age"] for bill in within(bills, 456) if bill["amount"] > 0),
        "credit_share_365d": share(
            -charged([bill for bill in year if bill["amount"] < 0]),
            charged([bill for bill in year if bill["amount"] > 0]),
        ),
    }
