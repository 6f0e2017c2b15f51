"""Invoices as what they are for: a bill pays for a time of service, and the time is told by its period or its cadence.

    bills -> service: a monthly rate from a day to a day, or (no period, no cadence) an amount of one day
          -> lines: the rate of a service is its MRR, and so is the full month of what comes by the day

A customer billed the same every month, quarter or year so has one rate, whatever the day of the month and however many
bills fall into a window. The movements ledger needs no second way: a billed service is a line like any other.
"""

from collections.abc import Sequence
from datetime import date
from typing import NamedTuple

import ibis
import ibis.expr.types as ir

from data.contract.vocabulary import KEY, PAYMENT, PREPAID
from data.ledger.kinds import is_paid_for, lasts
from data.ledger.rules import ExpansionRules
from data.ledger.succession import current_product, with_successors
from data.time_cut import Tables, cut, days_between

BILLED_DAYS = 90
"""A usage-priced customer has been billed within so many days, or for a time that goes on (contract, section 1)."""
EMPTY_MONTHS = 3
"""A product billed by the day churned after so many full months without a bill: the base's 90 days (contract, 1)."""


class Cadence(NamedTuple):
    """A rhythm that bills without a period are recognised by: so many ``bills`` in every ``days``, one after another.

    ``months`` is what one bill is for (0: its days). The same bill comes again ``earliest`` to ``latest`` days later:
    months differ, and bills are written late. ``grace_days`` after it is due it is still waited for. ``on_its_day``: it
    comes again on the same day of the month, or one beside it: four weeks are nearly a month. One that comes again on
    the very day (``is_exact``) is kept by all of its bills but one that is missing.
    """

    bills: int
    months: int
    days: int
    earliest: int
    latest: int
    grace_days: int
    fewest: int
    on_its_day: bool = False

    @property
    def is_exact(self) -> bool:
        return self.earliest == self.latest


MONTHLY = Cadence(1, 1, 30, 25, 36, 15, 3)
YEARLY = Cadence(1, 12, 365, 350, 380, 30, 2)
CADENCES = (
    Cadence(1, 0, 28, 28, 28, 15, 5),
    MONTHLY,
    Cadence(1, 3, 91, 84, 98, 30, 3),
    Cadence(1, 6, 182, 174, 190, 30, 3),
    YEARLY,
    Cadence(1, 2, 61, 55, 67, 20, 3),
    Cadence(1, 4, 122, 114, 130, 30, 3),
    Cadence(1, 24, 731, 716, 746, 30, 2),
    Cadence(1, 0, 14, 14, 14, 10, 5),
    Cadence(2, 1, 30, 25, 36, 15, 4),
    Cadence(3, 1, 30, 25, 36, 15, 5),
    Cadence(4, 1, 30, 27, 32, 15, 11, on_its_day=True),
    Cadence(1, 0, 7, 3, 11, 10, 6),
    Cadence(1, 0, 21, 17, 24, 10, 5),
)
"""In the order in which they are tried; two bills a month are a base fee and an overage.

Every four weeks are no month and every two weeks are not twice a month: a year has 13 and 26 of them. So these two are
tried first, and only by the very day, which bills by the month do not keep: those of the first Monday of a month are 28
days apart three times in a row at most. Ten weekly bills may begin as four a month do: in February.
"""
REGULAR_SHARE = (8, 10)
"""Bills are regular if so large a share of them come in one cadence; one that is missing is forgiven."""
SERVICE = ("product", "is_prepaid")
"""What bills of one service have in common: credit bought ahead and what comes on top of it have a rhythm each."""
LONGEST_PREPAID_DAYS = 1096
"""Credit that seems to last for more than three years is no credit that is used."""
PERIOD_GRACE_DAYS = {1: 15, 3: 30}
"""So long after the end of a period of so many months or more the next bill is still waited for."""
MONTH_16THS, DAYS_16THS = 487, 16
"""A mean month has 487 / 16 = 30.4375 days."""
NEAR_MONTH_16THS = 40
"""A period is one of whole months if it is at most 2.5 days from them."""


def is_for_use(bills: ir.Table) -> ir.BooleanValue:
    """The bill is not said to be no more than the payment of a subscription."""
    return bills.kind.fill_null("") != PAYMENT


def usage_bills(tables: Tables, rules: ExpansionRules, dates: ir.Table | None = None) -> ir.Table:
    """The bills that are for use: not those that only pay for a subscription, by their kind or by the settings.

    By the settings a bill that does not say what it is pays for a product that its account has or had a paid line of.
    Products go by the names that they have now. With ``dates``, or accounts on dates, all is as known at each of them.
    """
    by = ("account_id",) if dates is None else KEY
    bills = _known("invoices", tables, dates)
    bills = bills.filter(is_for_use(bills))
    bills = bills.mutate(product=current_product(bills))
    if rules.billed_and_subscribed != "payments" or "subscriptions" not in tables:
        return bills
    lines = _known("subscriptions", tables, dates)
    paid = lines.filter(is_paid_for(lines), lasts(lines)).mutate(product=current_product(lines))
    beside = beside_paid(bills, paid, by)
    return beside.filter(beside.kind.notnull() | beside.is_subscribed.isnull()).select(*bills.columns)


def beside_paid(bills: ir.Table, paid: ir.Table, by: Sequence[str] = ("account_id",)) -> ir.Table:
    """The bills with ``is_subscribed``: 1 for a product that there is a ``paid`` line of, else null.

    An anti join whose rows are read twice in a query is left standing beside its NOT EXISTS in PostgreSQL's SQL.
    """
    own = paid.select(*by, "product").distinct().mutate(is_subscribed=ibis.literal(1))
    return bills.left_join(own, [*by, "product"])


def _known(name: str, tables: Tables, dates: ir.Table | None) -> ir.Table:
    rows = with_successors(tables[name], tables)
    return rows if dates is None else cut(rows, name, dates)


def serves_from(bills: ir.Table) -> ir.DateValue:
    """The first day of what a bill is for: of its period, where it says one, or the day of the bill."""
    return _has_period(bills).ifelse(bills.period_start, bills.billed_on)


def _has_period(bills: ir.Table) -> ir.BooleanValue:
    return (bills.period_end > bills.period_start).fill_null(False)


def service(bills: ir.Table, *, by: Sequence[str] = ("account_id",), until: ir.DateValue | None = None) -> ir.Table:
    """One row per service that was billed, or per day with bills that are for no such time.

    ``valid_from``, ``valid_to`` (null: it goes on), ``rate_e4`` a month; ``amount_e4`` where there is no rate.
    ``until`` is the day that knows the bills (the row's ``snapshot_date`` where ``by`` has one; else the day after the
    last bill): what ends on it or later goes on, and so does a service whose next bill may still come. One bill that is
    missing between two others ends nothing. Bills in arrears without a period look like bills in advance: their
    service then seems to begin, to change and to end one period late, which no bill tells. Credit that was bought ahead
    has a service of its own beside what is billed on top of it.
    """
    if "snapshot_date" in by:
        bills = bills.mutate(until=bills.snapshot_date)
    elif until is not None:
        bills = bills.mutate(until=until)
    else:
        bills = bills.mutate(until=bills.billed_on.max().over(ibis.window()) + ibis.interval(days=1))
    bills = bills.filter(bills.billed_on < bills.until)
    bills = bills.mutate(is_prepaid=(bills.kind == PREPAID).fill_null(False), valid_from=serves_from(bills))
    has_period = _has_period(bills)
    rows = ibis.union(_of_periods(bills.filter(has_period), by), _of_cadence(bills.filter(~has_period), by))
    # A credit that is for no time gives money back; what the service is worth a month stays as it was.
    rated = ibis.window(group_by=(*by, "product"))
    rows = rows.mutate(is_rated=rows.rate_e4.notnull().any().over(rated))
    rows = rows.filter(rows.rate_e4.notnull() | ~rows.is_rated | (rows.amount_e4 > 0)).drop("is_rated")
    return rows.filter(rows.valid_from < rows.until)


def months_of_period(days: ir.IntegerValue) -> ir.IntegerValue:
    """How many whole months a period of so many days is; 0 if it is none."""
    months = (days * DAYS_16THS * 2 + MONTH_16THS) // (2 * MONTH_16THS)
    is_near = (days * DAYS_16THS - months * MONTH_16THS).abs() <= NEAR_MONTH_16THS
    return is_near.ifelse(months, 0)


def _by_days(amount_e4: ir.IntegerValue, days: ir.IntegerValue | int) -> ir.IntegerValue:
    """The monthly rate of an amount for so many days."""
    return (amount_e4 * MONTH_16THS) // (days * DAYS_16THS)


def _of_periods(bills: ir.Table, by: Sequence[str]) -> ir.Table:
    """Services whose first and last day the bills say."""
    key = (*by, *SERVICE)
    periods = bills.group_by(*key, "until", "valid_from", ends=bills.period_end).aggregate(
        amount_e4=bills.amount_e4.sum().cast("int64"), billed_on=bills.billed_on.min()
    )
    days = days_between(periods.ends, periods.valid_from)
    periods = periods.mutate(days=days, months=months_of_period(days))
    whole = periods.amount_e4 // ibis.greatest(periods.months, 1)
    parts = _by_days(periods.amount_e4, periods.days)
    # Billed in arrears, the next bill comes when its period is over; in advance, as soon as this one is.
    is_arrears = days_between(periods.billed_on, periods.valid_from) * 2 > periods.days
    grace_days = (periods.months >= 3).ifelse(PERIOD_GRACE_DAYS[3], PERIOD_GRACE_DAYS[1])
    periods = periods.mutate(
        rate_e4=(periods.months > 0).ifelse(whole, parts).cast("int64"),
        waits_days=is_arrears.ifelse(periods.days, 0) + grace_days,
        missing_days=periods.days + grace_days,
    )
    periods = _with_following(periods, key)
    is_last = ~periods.is_followed & periods.again_on.isnull() & (periods.amount_e4 > 0)
    goes_on = (periods.ends >= periods.until) | (
        is_last & (days_between(periods.until, periods.ends) <= periods.waits_days)
    )
    gap_days = days_between(periods.again_on, periods.ends)
    is_missing = ~periods.is_followed & (gap_days > 0) & (gap_days <= periods.missing_days) & (periods.amount_e4 > 0)
    ends = is_missing.fill_null(False).ifelse(periods.again_on, periods.ends)
    return periods.select(
        *key,
        "until",
        "valid_from",
        valid_to=goes_on.ifelse(ibis.null("date"), ends),
        rate_e4=periods.rate_e4,
        amount_e4=ibis.null("int64"),
    )


def _with_following(periods: ir.Table, key: Sequence[str]) -> ir.Table:
    """Adds ``is_followed``: another begins as the period ends, and ``again_on``: the next one begins that follows none.

    So each of several rows of periods side by side finds its own next one.
    """
    begun = periods.select(*key, ends="valid_from", begun_on="valid_from").distinct()
    ended = periods.select(*key, valid_from="ends", ended_on="ends").distinct()
    joined = periods.left_join(begun, [*key, "ends"]).select(*periods.columns, "begun_on")
    joined = joined.left_join(ended, [*key, "valid_from"]).select(*joined.columns, "ended_on")
    joined = joined.mutate(is_followed=joined.begun_on.notnull())
    ends = joined.mutate(day=joined.ends, begins_on=ibis.null("date"))
    begins = joined.filter(joined.ended_on.isnull())
    days = ibis.union(ends, begins.mutate(day=begins.valid_from, begins_on=begins.valid_from))
    later = ibis.window(group_by=key, order_by="day", rows=(0, None))
    return days.mutate(again_on=days.begins_on.min().over(later)).filter(ibis._.begins_on.isnull())


def _of_cadence(bills: ir.Table, by: Sequence[str]) -> ir.Table:
    """Services whose time only the cadence of the bills tells, and the days of bills that keep none."""
    key = (*by, *SERVICE)
    daily = bills.group_by(*key, "until", "billed_on").aggregate(amount_e4=bills.amount_e4.sum().cast("int64"))
    charged, credited = daily.filter(daily.amount_e4 > 0), daily.filter(~(daily.amount_e4 > 0))
    charged = _in_cadence(charged, key)
    regular, irregular = charged.filter(charged.cadence.notnull()), charged.filter(charged.cadence.isnull())
    prepaid = _until_used_up(irregular.filter(irregular.is_prepaid), key)
    due_on = _of(regular, {c: regular.billed_on + ibis.interval(days=c.days) for c in CADENCES})
    waits_days = _of(regular, {c: c.days + c.grace_days for c in CADENCES})
    is_waiting = regular.next_on.isnull() & (days_between(regular.until, regular.billed_on) <= waits_days)
    ends = regular.next_on.fill_null(due_on)
    whole = {c: regular.amount_e4 // c.months if c.months else _by_days(regular.amount_e4, c.days) for c in CADENCES}
    spread = regular.select(
        *key,
        "until",
        "valid_from",
        valid_to=(is_waiting | (ends >= regular.until)).ifelse(ibis.null("date"), ends),
        rate_e4=_of(regular, whole).cast("int64"),
        amount_e4=ibis.null("int64"),
    )
    by_day = [_of_a_day(some, key) for some in (irregular.filter(~irregular.is_prepaid), credited)]
    return ibis.union(spread, prepaid, *by_day)


def _until_used_up(bought: ir.Table, key: Sequence[str]) -> ir.Table:
    """Services of credit that is bought when there is none left: each is used as fast as the one before it was.

    So a purchase changes nothing that was told of the days before it, but for the first one, which is of its day until
    the second shows how long it lasted. The next one is waited for twice as long as this one should last; what is
    bought later than that begins anew.
    """
    order = ibis.window(group_by=key, order_by="billed_on")
    bought = bought.mutate(
        next_on=bought.billed_on.lead().over(order),
        last_on=bought.billed_on.lag().over(order),
        last_e4=bought.amount_e4.lag().over(order),
    )
    bought = bought.mutate(
        next_days=days_between(bought.next_on, bought.billed_on),
        used_days=days_between(bought.billed_on, bought.last_on),
    )
    lasts_days = ibis.least((bought.amount_e4 * bought.used_days) // bought.last_e4, LONGEST_PREPAID_DAYS)
    bought = bought.mutate(lasts_days=lasts_days)
    is_late = (bought.next_days > 2 * bought.lasts_days).fill_null(False)
    bought = bought.mutate(
        is_followed=bought.next_on.notnull() & ~is_late, is_first=is_late.lag().over(order).fill_null(True)
    )
    own_days = (bought.next_days <= LONGEST_PREPAID_DAYS).ifelse(bought.next_days, ibis.null("int64"))
    bought = bought.mutate(
        used_days=bought.is_first.ifelse(own_days, bought.used_days),
        lasts_days=bought.is_first.ifelse(own_days, bought.lasts_days),
        last_e4=bought.is_first.ifelse(bought.amount_e4, bought.last_e4),
    )
    rated = bought.filter(bought.used_days.notnull())
    is_waiting = rated.next_on.isnull() & (days_between(rated.until, rated.billed_on) <= 2 * rated.lasts_days)
    used_up_on = (rated.billed_on + rated.lasts_days.cast("int32").as_interval("D")).cast("date")
    ends = rated.is_followed.ifelse(rated.next_on, used_up_on)
    services = rated.select(
        *key,
        "until",
        valid_from=rated.billed_on,
        valid_to=(is_waiting | (ends >= rated.until)).ifelse(ibis.null("date"), ends),
        rate_e4=_by_days(rated.last_e4, rated.used_days).cast("int64"),
        amount_e4=ibis.null("int64"),
    )
    return ibis.union(services, _of_a_day(bought.filter(bought.used_days.isnull()), key))


def _of_a_day(daily: ir.Table, key: Sequence[str]) -> ir.Table:
    """Bills that are for no time: the amount of their day."""
    return daily.select(
        *key,
        "until",
        valid_from=daily.billed_on,
        valid_to=ibis.null("date"),
        rate_e4=ibis.null("int64"),
        amount_e4=daily.amount_e4,
    )


def _of(t: ir.Table, values: dict[Cadence, ir.Value | int]) -> ir.Value:
    """The value of each row's cadence."""
    return ibis.cases(*[(t.cadence == CADENCES.index(cadence), value) for cadence, value in values.items()])


def _in_cadence(daily: ir.Table, key: Sequence[str]) -> ir.Table:
    """Adds ``cadence`` (its place; null: none), ``valid_from`` and ``next_on``, when the next bill takes its place."""
    every, order = ibis.window(group_by=key), ibis.window(group_by=key, order_by="billed_on")
    steps = sorted({step for c in CADENCES for step in (c.bills - 1, c.bills, 2 * c.bills - 1) if step})
    daily = daily.mutate(
        place=ibis.row_number().over(order),
        bills=daily.count().over(every),
        first_on=daily.billed_on.min().over(every),
        **{f"next_{step}": daily.billed_on.lead(step).over(order) for step in steps},
    )

    def again(c: Cadence, step: int, later: int = 0) -> ir.BooleanValue:
        """The bill that is so many ``step`` on comes when this one comes again."""
        if not step:
            return ibis.literal(False)
        comes_on = daily[f"next_{step}"]
        comes = days_between(comes_on, daily.billed_on).between(c.earliest + later, c.latest + later)
        if c.on_its_day:
            comes &= (comes_on.day() - daily.billed_on.day()).abs() <= 1
        return comes.fill_null(False)

    def missing(c: Cadence) -> tuple[ir.BooleanValue, ir.BooleanValue]:
        """One bill of the others is missing before this one comes again; or this one is, and comes the time after."""
        return again(c, c.bills - 1), again(c, 2 * c.bills - 1, later=c.days)

    hits, forgiven = {}, {}
    for c in CADENCES:
        other, own = missing(c)
        hits[c] = again(c, c.bills).ifelse(1, 0).sum().over(every)
        forgiven[c] = (~again(c, c.bills) & (other | own)).ifelse(1, 0).sum().over(every)
    names = {c: str(place) for place, c in enumerate(CADENCES)}
    daily = daily.mutate(
        **{f"hits_{names[c]}": count for c, count in hits.items()},
        **{f"forgiven_{names[c]}": count for c, count in forgiven.items()},
    )

    def keeps(c: Cadence) -> ir.BooleanValue:
        kept = daily[f"hits_{names[c]}"]
        part, whole = (1, 1) if c.is_exact else REGULAR_SHARE
        came = kept + ibis.least(daily[f"forgiven_{names[c]}"], c.bills)
        return (daily.bills >= c.fewest) & (kept > 0) & (came * whole >= (daily.bills - c.bills) * part)

    def following(c: Cadence) -> ir.DateValue:
        same, (other, own) = daily[f"next_{c.bills}"], missing(c)
        after_days = days_between(same, daily.billed_on)
        waited_days = c.grace_days + (2 * c.days if c.bills == 1 else c.days)
        return ibis.cases(
            (again(c, c.bills), same),
            *([(other, daily[f"next_{c.bills - 1}"])] if c.bills > 1 else []),
            (own, daily[f"next_{2 * c.bills - 1}"]),
            (after_days <= waited_days, same),
            else_=ibis.null("date"),
        )

    daily = daily.mutate(cadence=ibis.cases(*[(keeps(c), place) for place, c in enumerate(CADENCES)], else_=None))
    # Several bills a month are of one month: all of them begin with the first one.
    is_first = _of(daily, {c: c.bills for c in CADENCES}) > daily.place
    return daily.mutate(
        next_on=_of(daily, {c: following(c) for c in CADENCES}),
        valid_from=is_first.fill_null(False).ifelse(daily.first_on, daily.billed_on),
    )


def usage_lines(bills: ir.Table, *, today: date | None = None, by: Sequence[str] = ("account_id",)) -> ir.Table:
    """Invoices as lines: one row per service, or per product and calendar month of bills that are for no such time.

    The rate of a service is its MRR. The amount of a full month is the MRR from the first day after it, until the next
    billed month takes its place or three full months have passed without a bill. A month without a positive amount
    (nothing, or credits) is empty. The month that is not over is left out: nothing begins on or after ``today`` (the
    row's ``snapshot_date`` where ``by`` has one; else the day after the last bill).
    """
    served = service(bills, by=by, until=None if today is None else ibis.literal(today))
    spread = served.filter(served.rate_e4.notnull() & (served.rate_e4 != 0))
    columns = (*by, "product", "valid_from", "valid_to", "mrr_e4", "began_on")
    services = spread.mutate(mrr_e4=spread.rate_e4, began_on=spread.valid_from).select(*columns)
    by_day = served.filter(served.rate_e4.isnull())
    by_day = by_day.mutate(last_day=by_day.until - ibis.interval(days=1))
    by_day = by_day.mutate(month=by_day.valid_from.year() * 12 + by_day.valid_from.month() - 1)
    months = by_day.group_by(*by, "product", "last_day", "month").aggregate(
        mrr_e4=by_day.amount_e4.sum(), began_on=by_day.valid_from.min()
    )
    months = months.filter(months.mrr_e4 > 0)
    months = months.mutate(valid_from=_first_of(months.month + 1))
    months = months.filter(months.valid_from <= months.last_day)
    following = months.month.lead().over(ibis.window(group_by=(*by, "product"), order_by="month"))
    silent = months.month + EMPTY_MONTHS
    months = months.mutate(valid_to=_first_of(ibis.least(following.fill_null(silent), silent) + 1))
    months = months.mutate(valid_to=(months.valid_to <= months.last_day).ifelse(months.valid_to, ibis.null("date")))
    months = months.mutate(mrr_e4=months.mrr_e4.cast("int64")).select(*columns)
    lines = ibis.union(services, months)
    return lines.mutate(
        plan=ibis.literal("usage"),
        seats=ibis.null("int64"),
        tier=ibis.null("int64"),
        is_usage=ibis.literal(True),
    )


def _first_of(month: ir.IntegerValue) -> ir.DateValue:
    """The first day of a month counted from year 0: calendar arithmetic that every engine does alike."""
    return ibis.date(month // 12, month % 12 + 1, ibis.literal(1))


def billed_now(bills: ir.Table, rows: ir.Table, by: Sequence[str]) -> ir.Table:
    """The products that are billed at the snapshot: a service of theirs goes on, or the bills of 90 days are above 0.

    ``bills`` have the columns of ``by``, ``product``, ``amount_e4`` and their ``age``; ``rows`` are their ``service``.
    """
    recent = bills.filter(bills.age <= BILLED_DAYS)
    totals = recent.group_by(*by, "product").aggregate(amount_e4=recent.amount_e4.sum())
    goes_on = rows.filter(rows.valid_to.isnull() & (rows.rate_e4 > 0))
    return ibis.union(totals.filter(totals.amount_e4 > 0).select(*by, "product"), goes_on.select(*by, "product"))


# --- what services come to in a window of days ------------------------------------------------------------------------


def whole_months(rate_days_e4: ir.IntegerValue, days: int) -> ir.IntegerValue:
    """What a window of so many ``days`` is billed at monthly rates: its whole months, whatever days they have.

    ``rate_days_e4`` is the sum of each rate times its days in the window. Rounded down, which every engine does alike.
    """
    months = max(1, round(days * DAYS_16THS / MONTH_16THS))
    return ((rate_days_e4 * months).cast("float64") / ibis.literal(days).cast("float64")).floor().cast("int64")


def billed_within(services: ir.Table, days: int, after: int = 0) -> ir.IntegerValue:
    """What was billed for the last ``days`` days (``after``: for so many days before the last ``after``), in 1 / E4.

    A service counts by its days within the window at its monthly rate, other bills by their own day.
    """
    return whole_months(_rate_days(services, days, after), days) + _by_day(services, days, after)


def billed_before(services: ir.Table, days: int, after: int) -> ir.IntegerValue:
    """As ``billed_within``, to compare with: a service that is younger than the window counts as if it filled it."""
    oldest = services.age.max(where=services.rate_e4.notnull())
    held_days = ibis.least(oldest - after, days)
    rate_days = _rate_days(services, days, after)
    filled = ((rate_days * days).cast("float64") / held_days.cast("float64")).floor().cast("int64")
    is_young = ((held_days > 0) & (held_days < days)).fill_null(False)
    return whole_months(is_young.ifelse(filled, rate_days), days) + _by_day(services, days, after)


def _rate_days(t: ir.Table, days: int, after: int) -> ir.IntegerValue:
    inside_days = ibis.least(t.age, after + days) - ibis.greatest(t.end_age, after)
    return (t.rate_e4 * ibis.greatest(inside_days, 0)).sum().fill_null(0)


def _by_day(t: ir.Table, days: int, after: int) -> ir.IntegerValue:
    return t.amount_e4.sum(where=(t.age > after) & (t.age <= after + days)).fill_null(0)
