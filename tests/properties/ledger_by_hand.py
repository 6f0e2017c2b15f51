"""The ledger of one account as plain loops over its lines and days would keep it, without Ibis and without SQL.

Written from the rules of the ledger (contract, section 3), not from its code. ``None`` is missing.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from data.ledger.rules import ExpansionRules

BESIDE = ("trial", "pilot", "internal")
GIVEN_AWAY = (*BESIDE, "free")
FAR = date(9999, 12, 31)


@dataclass(frozen=True)
class PlainLine:
    """One contract line as known; ``product`` is the name that the product has now."""

    product: str
    plan: str
    mrr_e4: int
    seats: int | None
    tier: int | None
    start: date
    end: date | None
    known_on: date
    renews_on: date | None = None
    contract_id: str | None = None
    kind: str | None = None
    signed_on: date | None = None

    @property
    def is_discount(self) -> bool:
        return self.kind == "discount"

    @property
    def pays(self) -> bool:
        return self.kind == "paid" or (self.kind is None and self.mrr_e4 > 0)

    @property
    def terms(self) -> tuple[Any, ...]:
        plan = "" if self.is_discount else self.plan
        return plan, self.tier, self.mrr_e4, self.seats, self.pays, self.is_discount


@dataclass(frozen=True)
class State:
    """What is open of one product."""

    lines: int = 0
    mrr_e4: int = 0
    seats: int | None = None
    tier: int | None = None
    plans: frozenset[str] = frozenset()

    @property
    def plan(self) -> str | None:
        names = sorted(self.plans)
        if not self.lines:
            return None
        if len(names) > 2:
            return f"{names[0]} + {len(names) - 1} others"
        return " + ".join(names)


# --- the lines that count ---------------------------------------------------------------------------------------------


def standing(lines: Iterable[PlainLine], rules: ExpansionRules, day: date | None) -> list[PlainLine]:
    """The lines that count, each with the end that it has; ``day``: renewals signed early wait for the old line."""
    versions = [x for x in lines if x.kind not in BESIDE and (x.end is None or x.end > x.start)]
    real = [x for x in versions if x.kind not in GIVEN_AWAY]
    found = []
    for product in sorted({line.product for line in real}):
        mine = [replaced_by_contract(x, versions) for x in real if x.product == product]
        if day is not None:
            mine = renewed_early(mine, rules, day)
        found += within_paid(mine)
    return found


def replaced_by_contract(line: PlainLine, others: list[PlainLine]) -> PlainLine:
    later = [
        other.start
        for other in others
        if line.contract_id is not None
        and (other.product, other.contract_id, other.is_discount) == (line.product, line.contract_id, line.is_discount)
        and other.start > line.start
    ]
    return replace(line, end=min([*later, line.end or FAR])) if later else line


def order(line: PlainLine) -> tuple[Any, ...]:
    values = (
        line.start,
        line.plan,
        line.mrr_e4,
        line.seats,
        line.contract_id,
        line.renews_on,
        line.known_on,
        line.kind,
    )
    return tuple((value is None, value or 0) if value is None else (False, value) for value in values)


def renewed_early(lines: list[PlainLine], rules: ExpansionRules, day: date) -> list[PlainLine]:
    """One line renews one: of all pairs that may be the closest first, and then of those that are left."""
    lines = sorted(lines, key=order)
    is_open = [number for number, line in enumerate(lines) if line.end is None and not line.is_discount]
    pairs = [(x, y) for x in is_open for y in is_open if renews(lines[x], lines[y], rules, day)]
    renewed: dict[int, date] = {}
    renewing = set[int]()
    for old, new in sorted(pairs, key=lambda pair: (*apart(lines[pair[0]], lines[pair[1]]), *pair)):
        if old not in renewed and new not in renewing:
            renewed[old] = lines[new].start
            renewing.add(new)
    return [replace(line, end=line.end or renewed.get(number)) for number, line in enumerate(lines)]


def apart(old: PlainLine, new: PlainLine) -> tuple[int, int]:
    """How much larger the new line is; of as large ones, the first that could just not have begun earlier."""
    by_seat = old.seats is not None and new.seats is not None
    return new.seats - old.seats if by_seat else new.mrr_e4 - old.mrr_e4, -due_days(old, new)


def due_days(old: PlainLine, new: PlainLine) -> int:
    """How long after the beginning of the new line the old one is due."""
    return (old.renews_on - new.start).days if old.renews_on else 365 - (new.start - old.start).days % 365


def renews(old: PlainLine, new: PlainLine, rules: ExpansionRules, day: date) -> bool:
    began_days, due = (new.start - old.start).days, due_days(old, new)
    if began_days <= 0 or not 0 < due <= rules.early_days or (day - new.start).days > due:
        return False
    by_seat = old.seats is not None and new.seats is not None
    if old.renews_on:
        is_later = new.renews_on is None or new.renews_on > old.renews_on
        return is_later and (new.seats >= old.seats if by_seat else new.mrr_e4 >= old.mrr_e4)
    is_other = None not in (old.contract_id, new.contract_id) and old.contract_id != new.contract_id
    as_many = new.seats == old.seats if by_seat else new.mrr_e4 >= old.mrr_e4
    return as_many and not is_other and began_days >= 365 - rules.early_days


def within_paid(lines: list[PlainLine]) -> list[PlainLine]:
    """Discounts hold from the first day of the other lines to their last."""
    paid = [line for line in lines if not line.is_discount]
    if not paid:
        return []
    first, last = min(x.start for x in paid), max(x.end or FAR for x in paid)
    found = paid
    for line in lines:
        if line.is_discount:
            start, end = max(line.start, first), min(line.end or FAR, last)
            if end > start:
                found = [*found, replace(line, start=start, end=None if end == FAR else end)]
    return found


# --- from lines to states ---------------------------------------------------------------------------------------------


def booked_on(line: PlainLine, rules: ExpansionRules) -> date:
    if line.signed_on is not None:
        return line.signed_on
    return line.known_on if (line.start - line.known_on).days > rules.renewal_gap_days else line.start


def edges(lines: list[PlainLine], rules: ExpansionRules) -> list[dict[str, Any]]:
    """What begins and ends of one product, net by day and terms, renewals moved to their day."""
    net: dict[tuple[date, tuple[Any, ...]], dict[str, Any]] = defaultdict(lambda: {"net": 0, "began": [], "booked": []})
    for line in lines:
        begin = net[line.start, line.terms]
        begin["net"] += 1
        begin["booked"].append(booked_on(line, rules))
        if line.end is not None:
            end = net[line.end, line.terms]
            end["net"] -= 1
            end["began"].append(line.start)
    steps = [{"day": day, "terms": terms, **values} for (day, terms), values in net.items() if values["net"]]
    days = sorted({step["day"] for step in steps})
    begins, ends, renewals, left = set(), set(), set(), {}
    open_lines = 0
    for day in days:
        mine = [step for step in steps if step["day"] == day]
        counted = [step for step in mine if not step["terms"][5]]
        open_lines += sum(step["net"] for step in counted)
        left[day] = open_lines
        seats = [step["net"] * step["terms"][3] for step in mine if step["terms"][3] is not None]
        gained = sum(seats) if seats else sum(step["net"] * step["terms"][2] for step in mine)
        if any(step["net"] > 0 for step in counted):
            begins.add(day)
            if not any(step["net"] < 0 for step in counted) or gained:
                renewals.add(day)
        if any(step["net"] < 0 for step in counted):
            ends.add(day)
    for step in steps:
        day = step["day"]
        if day not in ends or day in begins:
            continue
        later = min((other for other in renewals if other > day), default=None)
        before = max((other for other in renewals if other < day), default=None)
        if later is not None and (later - day).days <= rules.renewal_gap_days:
            step["day"] = later
        elif before is not None and (day - before).days <= rules.early_days and left[day] > 0:
            began_before = bool(step["began"]) and max(step["began"]) < before
            step["day"] = before if began_before else day
    return steps


def states(lines: list[PlainLine], rules: ExpansionRules) -> list[tuple[date, State, frozenset[str], date | None]]:
    """By boundary day of one product: the state from that day on, the plans that are open, and when it was signed."""
    steps = edges(lines, rules)
    found = []
    for day in sorted({step["day"] for step in steps}):
        so_far = [step for step in steps if step["day"] <= day]
        counted = [step for step in so_far if not step["terms"][5]]
        of_plan: dict[str, int] = defaultdict(int)
        for step in counted:
            of_plan[step["terms"][0]] += step["net"]
        plans = frozenset(plan for plan, count in of_plan.items() if count > 0)
        seated = sum(step["net"] for step in counted if step["terms"][3] is not None)
        is_paid = sum(step["net"] for step in counted if step["terms"][4]) > 0
        tiers = [s["terms"][1] for s in counted if s["terms"][0] in plans and s["terms"][1] is not None]
        state = State(
            sum(step["net"] for step in counted) if is_paid else 0,
            sum(step["net"] * step["terms"][2] for step in so_far),
            sum(s["net"] * s["terms"][3] for s in counted if s["terms"][3] is not None)
            if is_paid and seated > 0
            else None,
            max(tiers, default=None) if is_paid else None,
            plans,
        )
        signed = [x for step in steps if step["day"] == day and step["net"] > 0 for x in step["booked"]]
        found.append((day, state, plans, max(signed, default=None)))
    return found


# --- from states to movements -----------------------------------------------------------------------------------------


def plain_changes(lines: list[PlainLine], rules: ExpansionRules) -> list[dict[str, Any]]:
    """Every boundary day of every product, with the state before and after and its class (None: no change of MRR)."""
    paid_on: dict[str, date] = {}
    for line in lines:
        if line.pays:
            paid_on[line.product] = min(paid_on.get(line.product, FAR), line.start)
    account_on = min(paid_on.values(), default=FAR)
    rows = []
    for product, product_on in paid_on.items():
        before, plans_before, day_before, is_first = State(), frozenset[str](), None, True
        for day, after, plans, signed in states([x for x in lines if x.product == product], rules):
            row = {
                "product": product, "lineage": product, "day": day, "before": before, "after": after,
                "other_plans": plans != plans_before, "signed": signed, "day_before": day_before,
                "is_first": is_first, "is_early": (product_on - account_on).days <= rules.new_customer_days,
                "plan_before": before.plan, "plan_after": after.plan,
            }  # fmt: skip
            rows.append(row)
            is_first = is_first and not after.lines
            before, plans_before, day_before = after, plans, day
    rows = swapped(rows)
    for row in rows:
        row["class"] = classified(row, rules)
    return rows


def swapped(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Products that end on a day on which others begin are one row, and one lineage."""
    groups: list[set[str]] = []
    found = []
    for day in sorted({row["day"] for row in rows}):
        today = [row for row in rows if row["day"] == day]
        closed = [row for row in today if row["before"].lines and not row["after"].lines]
        opened = [row for row in today if not row["before"].lines and row["after"].lines]
        found += [row for row in today if not (closed and opened and row in closed + opened)]
        if closed and opened:
            groups.append({row["product"] for row in closed + opened})
            row = min(opened, key=lambda x: (-x["after"].mrr_e4, x["product"]))
            gone = [x["before"].seats for x in closed if x["before"].seats is not None]
            come = [x["after"].seats for x in opened if x["after"].seats is not None]
            row |= {
                "before": State(
                    sum(x["before"].lines for x in closed),
                    sum(x["before"].mrr_e4 for x in closed + opened),
                    sum(gone) if gone else None,
                    None,
                ),
                "after": State(
                    sum(x["after"].lines for x in opened),
                    sum(x["after"].mrr_e4 for x in closed + opened),
                    sum(come) if come else None,
                    row["after"].tier,
                ),
                "other_plans": True,
                "plan_before": max(x["plan_before"] for x in closed),
            }
            found.append(row)
    for row in found:
        row["lineage"] = min(lineage(row["product"], groups))
    return sorted(found, key=lambda row: (row["product"], row["day"]))


def lineage(product: str, groups: list[set[str]]) -> set[str]:
    names = {product}
    for _ in groups:
        for group in groups:
            if names & group:
                names |= group
    return names


def classified(row: dict[str, Any], rules: ExpansionRules) -> str | None:
    before, after = row["before"], row["after"]
    gained = after.mrr_e4 - before.mrr_e4
    if not gained:
        return None
    if not after.lines:
        return "churn"
    if not before.lines:
        return ("new" if row["is_early"] else "cross_sell") if row["is_first"] else "reactivation"
    if abs(gained) < before.mrr_e4 * rules.min_uplift:
        return "price"
    if gained < 0:
        return "contraction"
    has_tiers = before.tier is not None and after.tier is not None
    has_seats = bool(before.seats and after.seats)
    if has_tiers:
        is_upsell = after.tier > before.tier
    else:
        dearer = has_seats and after.mrr_e4 * before.seats > before.mrr_e4 * after.seats
        is_upsell = row["other_plans"] and (not has_seats or dearer)
    is_lower = has_tiers and after.tier < before.tier
    more = before.seats is not None and after.seats is not None and after.seats > before.seats and not is_lower
    is_agreed = row["signed"] is not None and row["day_before"] is not None and row["signed"] <= row["day_before"]
    if (is_upsell or more) and is_agreed:
        return "ramp"
    return "upsell" if is_upsell else "seat" if more else "price"
