"""From monthly purchases to subscription lines and invoices, with the disorder of real contracts.

Late renewals, lines that are re-dated without a change, second contracts that are co-termed at the next renewal, seats
added and given back within a month, price rises: none of them is an expansion, and none falls where it would make one.
"""

from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

import numpy as np

from data.simulation.life import LAST_DAY, Life
from data.simulation.price_list import CORE, MESSAGING, PLANS, SEAT_PRICE
from data.simulation.state import ADD_ONS

PRICE_MONTH = 3
"""List prices rise on the first of March."""
ROLLING_MONTHS = 3
BILLS_PER_MONTH = 4
LATEST_RENEWAL_DAYS = 25

Row = dict[str, Any]


@dataclass
class Contract:
    """The open lines of one account: ``open`` holds the row of each, keyed by product and number of the contract."""

    account_id: str
    rows: list[Row] = field(default_factory=list)
    open: dict[tuple[str, int], Row] = field(default_factory=dict)

    def write(self, key: tuple[str, int], day: date, plan: str, seats: int | None, mrr: float, renews: date) -> None:
        """Replace what is open under ``key`` from ``day`` on."""
        self.close(key, day)
        row: Row = {"account_id": self.account_id, "product": key[0], "plan": plan, "mrr": round(mrr, 2)}
        row |= {"valid_from": day, "valid_to": None, "seats": seats, "renews_on": renews, "kind": "paid"}
        row["contract_id"] = f"{self.account_id}-{key[0]}-{key[1] + 1}"
        self.open[key] = row
        self.rows.append(row)

    def close(self, key: tuple[str, int], day: date) -> None:
        row = self.open.pop(key, None)
        if row is None:
            return
        row["valid_to"] = day
        if row["valid_from"] == day:
            self.rows.remove(row)

    def core_mrr(self) -> float:
        return sum(row["mrr"] for (product, _), row in self.open.items() if product == CORE)


def _next_renewal(first: date, day: date, months: int) -> date:
    """The next end of term after ``day`` for terms that began on ``first`` (day of month 28 at most)."""
    elapsed = (day.year - first.year) * 12 + day.month - first.month
    terms = elapsed // months + 1
    index = first.year * 12 + first.month - 1 + terms * months
    next_end = date(index // 12, index % 12 + 1, first.day)
    index -= months
    earlier = date(index // 12, index % 12 + 1, first.day)
    return earlier if earlier > day else next_end


def account_lines(account_id: str, life: Life, index: int, rng: np.random.Generator) -> list[Row]:
    """All line versions of one account, oldest first."""
    contract = Contract(account_id)
    price = max(1 - float(rng.beta(1.5, 9.0)) * (1.4 if life.seats[0, index] > 60 else 1.0), 0.6)
    first, term = date.min, 12 if life.is_annual[index] else ROLLING_MONTHS
    late_until: date | None = None
    begin, stop = int(life.start_month[index]), len(life.months)
    luck = rng.random((stop, 5))
    for number in range(begin, stop):
        month = life.months[number].first_day
        day = month.replace(day=int(life.day[number, index]))
        cause, seats, tier = (int(x[number, index]) for x in (life.cause, life.seats, life.tier))
        moves = bool(cause or life.churns[number, index] or life.shrinks[number, index])
        soon = number + 1 < stop and bool(life.moves[number + 1, index])
        unit = SEAT_PRICE[tier - 1] * price
        if life.starts[number, index] or life.returns[number, index]:
            first = day
            contract.write((CORE, 0), day, PLANS[tier - 1], seats, unit * seats, _next_renewal(first, day, term))
            later = day.replace(day=min(28, day.day + int(luck[number, 0] * 20)))
            for place in np.flatnonzero(life.owns[number, index]):
                _add_on(contract, int(place), later, luck[number, 1], _next_renewal(first, later, term))
            continue
        if not contract.open:
            continue
        if month.month == PRICE_MONTH and luck[number, 0] < 0.6 and (month - first).days > 180 and late_until is None:
            rise = 1.03 + 0.04 * luck[number, 1]
            price *= rise
            unit *= rise
            _write_again(contract, month, rise=rise)
        renewal = month.replace(day=first.day)
        is_due = (month.year * 12 + month.month - first.year * 12 - first.month) % term == 0
        late_until = None
        move = (contract, life, number, index, day, unit, luck[number], _next_renewal(first, day, term))
        if moves and day <= renewal:
            _move(*move)
        if is_due and not life.churns[number, index]:
            late = 1 + int(luck[number, 3] * LATEST_RENEWAL_DAYS)
            is_late = luck[number, 2] < 0.10 and not moves and not soon
            resumes = renewal + timedelta(days=late if is_late else 0)
            in_data = resumes < life.end
            late_until = resumes if is_late else None
            _renew(contract, renewal, resumes if in_data else None, _next_renewal(first, renewal, term))
            if not in_data:
                break
        elif not moves and luck[number, 4] < 0.006 and all(row["valid_from"] < day for row in contract.open.values()):
            first = day
            _write_again(contract, day, renews_on=_next_renewal(first, day, term))
        elif not moves and not soon and luck[number, 4] > 0.998:
            _lend_seats(contract, month, seats, unit, luck[number, 3])
        if moves and day > renewal:
            _move(*move)
    return contract.rows


def _write_again(contract: Contract, day: date, *, rise: float = 1.0, renews_on: date | None = None) -> None:
    """All open lines from ``day`` on at another price, or renewed (None: as before)."""
    for key, row in list(contract.open.items()):
        contract.write(key, day, row["plan"], row["seats"], row["mrr"] * rise, renews_on or row["renews_on"])


def _add_on(contract: Contract, place: int, day: date, luck: float, renews: date) -> None:
    fee = max(40.0, (0.20 + 0.15 * luck) * contract.core_mrr())
    contract.write((ADD_ONS[place], 0), day, "Standard", None, fee, renews)


def _merge(contract: Contract, day: date) -> tuple[str, int, float, date]:
    """End every core contract on ``day``; plan, seats, MRR and renewal of all of them together."""
    rows = [row for (product, _), row in contract.open.items() if product == CORE]
    for key in [key for key in contract.open if key[0] == CORE]:
        contract.close(key, day)
    return rows[0]["plan"], sum(r["seats"] for r in rows), sum(r["mrr"] for r in rows), rows[0]["renews_on"]


def _renew(contract: Contract, renewal: date, resumes: date | None, renews: date) -> None:
    """End the core lines on ``renewal`` and go on as one line on ``resumes`` (None: after the end of the data)."""
    plan, seats, mrr, _ = _merge(contract, renewal)
    _write_again(contract, renewal, renews_on=renews)
    if resumes is not None:
        contract.write((CORE, 0), resumes, plan, seats, mrr, renews)


def _lend_seats(contract: Contract, month: date, seats: int, unit: float, luck: float) -> None:
    """Seats for a few weeks: an expansion that is undone within the month."""
    row, more = contract.open[CORE, 0], max(1, seats // 8)
    begins, ends = month.replace(day=2 + int(luck * 7)), month.replace(day=20 + int(luck * 8))
    if row["valid_from"] >= begins:
        return
    kept = (row["plan"], row["seats"], row["mrr"], row["renews_on"])
    contract.write((CORE, 0), begins, row["plan"], row["seats"] + more, row["mrr"] + more * unit, row["renews_on"])
    contract.write((CORE, 0), ends, *kept)


def _move(
    contract: Contract, life: Life, number: int, index: int, day: date, unit: float, luck: Any, renews: date
) -> None:
    """Carry out the month's expansion, contraction or churn on its day."""
    cause, seats, tier = (int(x[number, index]) for x in (life.cause, life.seats, life.tier))
    if life.churns[number, index]:
        for key in list(contract.open):
            contract.close(key, day)
        return
    if cause == 3:
        _add_on(contract, int(life.add_on[number, index]), day, luck[1], renews)
        return
    main = contract.open[CORE, 0]
    if cause == 1 and len([key for key in contract.open if key[0] == CORE]) == 1 and luck[2] < 0.2:
        more = seats - main["seats"]
        contract.write((CORE, 1), day, main["plan"], more, more * unit, renews)
        return
    _, before, mrr, renews_on = _merge(contract, day)
    after = unit * seats if cause == 2 else mrr / before * seats
    contract.write((CORE, 0), day, PLANS[tier - 1], seats, after, renews_on)


def account_invoices(account_id: str, life: Life, index: int, rng: np.random.Generator) -> list[Row]:
    """One row per weekly bill of the usage-priced product, four a month; some corrected by a credit the day after."""
    weekday, rows = int(rng.integers(3, 7)), []
    for number in np.flatnonzero(life.bill[:, index] > 0).tolist():
        month, began = life.months[number].first_day, int(life.day[number, index]) * _began(life, number, index)
        shares = rng.dirichlet(np.full(BILLS_PER_MONTH, 60.0)) * float(life.bill[number, index])
        for week, share in enumerate(shares):
            # A new customer's first bills come on its first day.
            day, amount = month.replace(day=max(weekday + 7 * week, began)), round(float(share), 2)
            row: Row = {"account_id": account_id, "product": MESSAGING, "billed_at": day, "amount": amount}
            if rng.random() < 0.01 and day.day < LAST_DAY:
                credit = round(0.2 * amount, 2)
                rows.append(row | {"billed_at": day + timedelta(days=1), "amount": -credit})
                row["amount"] = round(amount + credit, 2)
            rows.append(row)
    return rows


def _began(life: Life, number: int, index: int) -> bool:
    return bool(life.starts[number, index] or life.returns[number, index])
