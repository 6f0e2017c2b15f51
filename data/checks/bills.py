"""Bills that make a ledger wrong though each is right: money that is counted twice, and bills that say no period."""

from collections.abc import Iterator
from itertools import pairwise

import ibis
import ibis.expr.types as ir
import pandas as pd

from data.checks.report import ROWS_KEPT, Finding, Severity, are_many, many, money
from data.groups import parents, ways_up
from data.ledger.invoices import MONTHLY, YEARLY, beside_paid, months_of_period, service
from data.ledger.kinds import is_discount, is_paid_for
from data.ledger.rules import ExpansionRules
from data.sources.engine import Engine
from data.time_cut import Tables, days_between

TWICE_SHARE = 50
"""From one in fifty of those who subscribe on, bills beside subscriptions are how a company bills: it has to say so."""
TERMS = (1, 3, 6, 12)
"""A subscription is billed for so many months at a time."""
ROUNDING_SHARE = 1000
"""An amount within a thousandth of another is the same but for rounding."""
TAX_THOUSANDTHS = (10, 300)
"""A tax is 1 to 30% of the price."""
TAXED_PRICES = 3
"""So many prices with one tax are a rate; one price that another amount is so much larger than may be chance."""
MOST, HALF = (2, 3), 2
"""Two bills in three of an account, and half of the accounts of a product, are a rule and no chance."""
TAKEN_BACK_DAYS = 45
"""A credit of a whole bill so soon after it takes it back."""
LONG_TERM = (8, 13)
"""A bill of so many times a monthly one is one for a year, with or without a discount."""
SILENT_DAYS = 75
"""Two monthly bills did not come."""
TOLD_BY_KIND = (
    "Say `subscription` in invoices.kind if these bills pay for the subscriptions, else `usage` "
    "([source.tables] invoices = \"select *, 'subscription' as kind from ...\"); or set [expansion] "
    'billed_and_subscribed = "on_top" if all bills come on top.'
)
DAY_OF_BILLS = ("account_id", "product", "billed_on")
PAID_AHEAD = (*DAY_OF_BILLS, "amount_e4", "before_e4")


def bill_findings(engine: Engine, tables: Tables, rules: ExpansionRules) -> Iterator[Finding]:
    """All findings about bills, over the staged tables."""
    bills = tables["invoices"]
    if "subscriptions" in tables and rules.billed_and_subscribed is None:
        yield from _billed_twice(bills, tables["subscriptions"])
    if "subscriptions" in tables and rules.billed_and_subscribed != "on_top":
        # What is said to be payments is so by the product's name: bills under another one still count.
        yield from _billed_by_another_name(bills, tables["subscriptions"])
        yield from _billed_for_others(bills, tables["subscriptions"], tables["accounts"])
    without_period = bills.filter(~(bills.period_end > bills.period_start).fill_null(False))
    yield from _paid_ahead(without_period)
    yield from _taken_back(engine, without_period)
    yield from _last_days(bills)


def _billed_twice(bills: ir.Table, lines: ir.Table) -> Iterator[Finding]:
    """Products that an account both subscribes to and is billed for, without a word on what the bills are."""
    subscribed = lines.filter(is_paid_for(lines))
    paid = subscribed.select("account_id", "product").distinct()
    both = bills.filter(bills.kind.isnull()).semi_join(paid, ["account_id", "product"])
    totals = _totals(both)
    if totals.accounts:
        message = (
            f"invoices: {many(int(totals.accounts), 'account')} subscribe to a product that they are also billed for "
            f"({_listed(both)}; {money(totals.amount_e4)} in all): the same money may be counted twice."
        )
        todo = (
            'Set [expansion] billed_and_subscribed = "payments" if the bills pay for the subscription, "on_top" if '
            "they come on top of it; or say so of each bill in invoices.kind (subscription, usage, overage)."
        )
        rows = both.limit(ROWS_KEPT).to_pandas()
        severity = _of_some_or_many(int(totals.accounts), subscribed)
        yield Finding(severity, "invoices", "billed_twice", message, todo, int(totals.accounts), rows)


def _of_some_or_many(accounts: int, subscribed: ir.Table) -> Severity:
    """How grave it is that so many accounts may be counted twice; ``subscribed`` are the paid lines of the base."""
    among = int(subscribed.account_id.nunique().to_pandas())
    return Severity.ERROR if are_many(accounts, among, TWICE_SHARE) else Severity.WARNING


def _billed_for_others(bills: ir.Table, lines: ir.Table, accounts: ir.Table) -> Iterator[Finding]:
    """Products that an account is billed for and does not subscribe to, while companies below it do."""
    paid = lines.filter(is_paid_for(lines))
    links = parents(accounts)
    below = paid.select("account_id", "product", "valid_from", "valid_to").inner_join(
        ibis.union(links, ways_up(links)).distinct(), "account_id"
    )
    below = below.select("product", "valid_from", "valid_to", account_id="above")
    charges = _not_subscribed(bills, paid)
    held = charges.select(*DAY_OF_BILLS).distinct().inner_join(below, ["account_id", "product"])
    held = held.filter((held.valid_from <= held.billed_on) & ~(held.valid_to <= held.billed_on).fill_null(False))
    yield from _counted_twice(
        "billed_for_others",
        charges.semi_join(held, DAY_OF_BILLS),
        "companies below them subscribe to",
        ": if they pay for these, the same money is counted twice.",
        paid,
    )


def _not_subscribed(bills: ir.Table, paid: ir.Table) -> ir.Table:
    """The bills above 0 that do not say what they are, of products that their accounts have no ``paid`` line of."""
    beside = beside_paid(bills.filter(bills.kind.isnull() & (bills.amount_e4 > 0)), paid)
    return beside.filter(beside.is_subscribed.isnull()).select(*bills.columns)


def _counted_twice(
    rule: str, paying: ir.Table, what: str, why: str, subscribed: ir.Table | None = None
) -> Iterator[Finding]:
    """The finding that bills of products that ``what`` pay for subscriptions, and ``why``; none without such bills.

    Where the ``subscribed`` lines are given, one that is about a few of their accounts is a warning.
    """
    totals = _totals(paying)
    if totals.accounts:
        message = (
            f"invoices: {many(int(totals.accounts), 'account')} are billed for a product that {what} "
            f"({_listed(paying)}; {money(totals.amount_e4)} in all){why}"
        )
        rows = paying.limit(ROWS_KEPT).to_pandas()
        accounts = int(totals.accounts)
        severity = Severity.ERROR if subscribed is None else _of_some_or_many(accounts, subscribed)
        yield Finding(severity, "invoices", rule, message, TOLD_BY_KIND, accounts, rows)


def _totals(bills: ir.Table) -> pd.Series:
    """So many ``bills`` of so many ``accounts``, and what they come to, ``amount_e4``."""
    accounts, amount_e4 = bills.account_id.nunique(), bills.amount_e4.sum()
    return bills.aggregate(bills=bills.count(), accounts=accounts, amount_e4=amount_e4).to_pandas().iloc[0]


def _listed(rows: ir.Table) -> str:
    products = rows.select("product").distinct().order_by("product").limit(5).to_pandas()["product"]
    return ", ".join(map(repr, products))


def _billed_by_another_name(bills: ir.Table, lines: ir.Table) -> Iterator[Finding]:
    """Products that nobody subscribes to, whose bills are what the accounts' subscriptions cost, month by month."""
    untold = _not_subscribed(bills, lines.filter(is_paid_for(lines)))
    yield from _counted_twice(
        "billed_by_another_name",
        untold.semi_join(_paying_for_others(untold, lines), "product"),
        "they do not subscribe to",
        ", by the amounts of their subscriptions or these with a tax: the same money seems to be counted twice.",
    )


def _paying_for_others(bills: ir.Table, lines: ir.Table) -> ir.Table:
    """The products of which half of the accounts have most bills at the price of their subscriptions, taxed or not."""
    daily = _daily(bills)
    prices = _prices(daily, lines)
    priced = ibis.union(_at_the_price(prices), _with_a_tax(daily, prices)).distinct().mutate(is_price=ibis.literal(1))
    daily = daily.left_join(priced, DAY_OF_BILLS).select(*daily.columns, "is_price")
    part, whole = MOST
    accounts = daily.group_by("account_id", "product").aggregate(
        is_paying=daily.is_price.sum().fill_null(0) * whole >= daily.count() * part
    )
    products = accounts.group_by("product").aggregate(
        paying=accounts.count(where=accounts.is_paying), accounts=accounts.count()
    )
    return products.filter((products.paying > 0) & (products.paying * HALF >= products.accounts))


def _prices(daily: ir.Table, lines: ir.Table) -> ir.Table:
    """One row per day of bills, product open on it and ``price_e4``: a term's worth of it, or of all that are open."""
    key = (*DAY_OF_BILLS, "amount_e4")
    counted = lines.filter(is_paid_for(lines) | is_discount(lines))
    counted = counted.select("account_id", "valid_from", "valid_to", "mrr_e4", subscribed="product")
    held = daily.inner_join(counted, "account_id")
    held = held.filter((held.valid_from <= held.billed_on) & ~(held.valid_to <= held.billed_on).fill_null(False))
    each = held.group_by(*key, "subscribed").aggregate(mrr_e4=held.mrr_e4.sum())
    each = each.mutate(all_mrr_e4=each.mrr_e4.sum().over(ibis.window(group_by=key)))
    # Joined rather than put together: a union would have engines that inline it do all that is above once for each.
    terms = ibis.memtable([(of_all, months) for of_all in (False, True) for months in TERMS], columns=["all", "months"])
    prices = each.cross_join(terms)
    mrr_e4 = prices["all"].ifelse(prices.all_mrr_e4, prices.mrr_e4)
    return prices.filter(mrr_e4 > 0).select(*key, price_e4=(mrr_e4 * prices.months).cast("int64"))


def _at_the_price(prices: ir.Table) -> ir.Table:
    """The days of bills that are for a price."""
    is_price = (prices.price_e4 - prices.amount_e4).abs() * ROUNDING_SHARE <= prices.amount_e4
    return prices.filter(is_price).select(*DAY_OF_BILLS).distinct()


def _with_a_tax(daily: ir.Table, prices: ir.Table) -> ir.Table:
    """The days of bills that are for a price with a tax: most bills of an account at one rate that several prices have.

    A rate is known to two thousandths, which overlap, so that no rounding to the cent parts those of one tax.
    """
    account = ("account_id", "product")
    taxed = prices.mutate(thousandths=((prices.amount_e4 - prices.price_e4) * 1000) // prices.price_e4)
    taxed = taxed.filter(taxed.thousandths.between(*TAX_THOUSANDTHS))
    taxed = taxed.cross_join(ibis.memtable({"step": [0, 1]}))
    taxed = taxed.mutate(rate=taxed.thousandths + taxed.step)
    bills = daily.group_by(*account).aggregate(bills=daily.count())
    rates = taxed.group_by(*account, "rate").aggregate(days=taxed.billed_on.nunique()).inner_join(bills, account)
    part, whole = MOST
    kept = taxed.semi_join(rates.filter(rates.days * whole >= rates.bills * part), [*account, "rate"])
    known = kept.group_by("product", "rate").aggregate(prices=kept.price_e4.nunique())
    known = known.filter(known.prices >= TAXED_PRICES)
    return kept.semi_join(known, ["product", "rate"]).select(*account, "billed_on").distinct()


def _paid_ahead(bills: ir.Table) -> Iterator[Finding]:
    """Accounts that were billed by the month and once for about a year's worth, after which no bill came for months."""
    charges = bills.filter(bills.amount_e4 > 0)
    pairs = ibis.union(_years_after_months(charges), _years_before_months(charges))
    # A year between months is one bill.
    found = pairs.group_by(*PAID_AHEAD[:-1]).aggregate(before_e4=pairs.before_e4.max())
    totals = _totals(found)
    if totals.accounts:
        message = (
            f"invoices: {many(int(totals.accounts), 'account')} went over from monthly bills to one of about a year's "
            f"worth, or back ({_listed(found)}; {money(totals.amount_e4)} in all), that says no period: it counts as "
            "one of a month, and as growth."
        )
        todo = "Give period_start and period_end, or leave the bill out and give one of a month in its place."
        rows = found.limit(ROWS_KEPT).to_pandas()
        yield Finding(Severity.WARNING, "invoices", "paid_ahead", message, todo, int(totals.accounts), rows)


def _years_after_months(charges: ir.Table) -> ir.Table:
    """One row per bill that came a month after three monthly ones, is for about a year, and was followed by silence.

    ``before_e4``: the monthly bill beside it.
    """
    daily = _daily(charges)
    order = ibis.window(group_by=("account_id", "product"), order_by="billed_on")
    daily = daily.mutate(
        last_on=daily.billed_on.max().over(ibis.window()),
        next_on=daily.billed_on.lead().over(order),
        **{f"before_{step}_on": daily.billed_on.lag(step).over(order) for step in (1, 2, 3)},
        before_e4=daily.amount_e4.lag().over(order),
    )
    is_monthly = _are_monthly(daily, "before_3_on", "before_2_on", "before_1_on", "billed_on")
    is_silent = days_between(ibis.coalesce(daily.next_on, daily.last_on), daily.billed_on) >= SILENT_DAYS
    return daily.filter(is_monthly, _is_long(daily), is_silent).select(*PAID_AHEAD)


def _years_before_months(charges: ir.Table) -> ir.Table:
    """One row per bill that is for about a year, a year after which monthly ones came, as ``_years_after_months``."""
    daily = _daily(charges)
    order = ibis.window(group_by=("account_id", "product"), order_by="billed_on")
    daily = daily.mutate(
        **{f"next_{step}_on": daily.billed_on.lead(step).over(order) for step in (1, 2, 3)},
        before_e4=daily.amount_e4.lead().over(order),
    )
    is_monthly = _are_monthly(daily, "next_1_on", "next_2_on", "next_3_on")
    after_days = days_between(daily.next_1_on, daily.billed_on)
    is_yearly = after_days.between(YEARLY.earliest, YEARLY.latest).fill_null(False)
    return daily.filter(is_monthly, _is_long(daily), is_yearly).select(*PAID_AHEAD)


def _daily(bills: ir.Table) -> ir.Table:
    """What the bills of each day come to."""
    return bills.group_by(*DAY_OF_BILLS).aggregate(amount_e4=bills.amount_e4.sum().cast("int64"))


def _are_monthly(daily: ir.Table, *clocks: str) -> ir.BooleanValue:
    """Each of these days is about a month after the one before it."""
    gaps_days = [days_between(daily[later], daily[earlier]) for earlier, later in pairwise(clocks)]
    return ibis.and_(*[days.between(MONTHLY.earliest, MONTHLY.latest).fill_null(False) for days in gaps_days])


def _is_long(daily: ir.Table) -> ir.BooleanValue:
    """The bill is for about a year where the one beside it, ``before_e4``, is for a month."""
    least, most = LONG_TERM
    return daily.amount_e4.between(daily.before_e4 * least, daily.before_e4 * most).fill_null(False)


def _taken_back(engine: Engine, bills: ir.Table) -> Iterator[Finding]:
    """Regular bills that a later credit of the same amount takes back.

    Where bills keep no rhythm a credit counts on its day, and nothing is wrong.
    """
    pairs = _with_their_credits(bills)
    if not pairs.count().to_pandas():
        return  # what is a service is dear to ask
    services = service(bills)
    pairs = pairs.semi_join(services.filter(services.rate_e4.notnull()), ["account_id", "product"])
    with engine.cached({"pairs": pairs}) as held:
        totals = _totals(held["pairs"].drop("credited_on").distinct())
        rows = held["pairs"].limit(ROWS_KEPT).to_pandas()
    if totals.bills:
        message = (
            f"invoices: {many(int(totals.bills), 'bill')} of {many(int(totals.accounts), 'account')} "
            f"({money(totals.amount_e4)} in all) {'was' if totals.bills == 1 else 'were'} taken back by a credit on a "
            "later day that says no period: it lowers no rate, and the bill counts in the growth of what is billed."
        )
        todo = "Give the credit the period_start and period_end of its bill, and these to the bill; or leave both out."
        yield Finding(Severity.WARNING, "invoices", "taken_back", message, todo, int(totals.bills), rows)


def _with_their_credits(bills: ir.Table) -> ir.Table:
    """One row per credit of a whole bill, or of what it was too much: the latest bill before it, and ``credited_on``.

    It was as much too much as it was more than the one before. A credit and what is billed anew on its day are two
    rows, and one of what was billed on its own day takes back nothing else.
    """
    key = ["account_id", "product"]
    charges = bills.filter(bills.amount_e4 > 0)
    charged = _amounts(charges)
    whole = charged.mutate(credit_e4=charged.amount_e4)
    daily = _daily(charges)
    before_e4 = daily.amount_e4.lag().over(ibis.window(group_by=key, order_by="billed_on"))
    above = daily.mutate(credit_e4=daily.amount_e4 - before_e4).filter(ibis._.credit_e4 > 0)
    credited = _amounts(bills.filter(bills.amount_e4 < 0))
    credited = credited.mutate(amount_e4=-credited.amount_e4).anti_join(charged, [*DAY_OF_BILLS, "amount_e4"])
    credited = credited.select(*key, credited_on="billed_on", credit_e4="amount_e4")
    pairs = ibis.union(whole, above).distinct().inner_join(credited, [*key, "credit_e4"]).drop("credit_e4")
    days = days_between(pairs.credited_on, pairs.billed_on)
    pairs = pairs.filter((days > 0) & (days <= TAKEN_BACK_DAYS))
    latest = ibis.window(group_by=[*key, "credited_on"], order_by=(ibis.desc("billed_on"), ibis.desc("amount_e4")))
    return pairs.mutate(place=ibis.row_number().over(latest)).filter(ibis._.place == 0).drop("place")


def _amounts(bills: ir.Table) -> ir.Table:
    """One row per amount of a day: of its bills, and of all of these together."""
    return ibis.union(bills.select(*DAY_OF_BILLS, "amount_e4"), _daily(bills)).distinct()


def _last_days(bills: ir.Table) -> Iterator[Finding]:
    """Products of which the next period begins a day after most periods end: these ends are their last days.

    An error where some of them are no whole months by that: their rates are those of so many days.
    """
    key = ("account_id", "product")
    periods = bills.filter((bills.period_end > bills.period_start).fill_null(False))
    periods = periods.select(*key, "period_start", "period_end").distinct()
    order = ibis.window(group_by=key, order_by="period_start")
    days = days_between(periods.period_end, periods.period_start)
    periods = periods.mutate(
        gap_days=days_between(periods.period_start.lead().over(order), periods.period_end),
        is_spoilt=(months_of_period(days) == 0) & (months_of_period(days + 1) > 0),
    )
    products = periods.group_by("product").aggregate(
        spoilt=periods.count(where=periods.is_spoilt),
        followed=periods.count(where=periods.gap_days.between(0, 1)),
        day_later=periods.count(where=periods.gap_days == 1),
    )
    products = products.filter((products.day_later > 0) & (products.day_later * 2 > products.followed))
    is_wrong = bool((products.spoilt > 0).any().fill_null(False).to_pandas())
    spoilt = bills.semi_join(products, "product").filter(ibis._.period_end.notnull())
    totals = _totals(spoilt)
    if totals.bills:
        message = (
            f"invoices: of {many(int(totals.bills), 'bill')} ({_listed(spoilt)}; {money(totals.amount_e4)} in all) "
            "period_end is the last day of the service: the next one begins a day later. What falls short of whole "
            "months by that day, such as a February of 27 days, is billed at another rate by the day."
        )
        todo = "Give the first day after the service: a day more ([source.tables] invoices)."
        rows = spoilt.limit(ROWS_KEPT).to_pandas()
        severity = Severity.ERROR if is_wrong else Severity.WARNING
        yield Finding(severity, "invoices", "last_days", message, todo, int(totals.bills), rows)
