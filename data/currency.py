"""Money in one currency, all of it at one rate, so that what a currency gained or lost is no movement."""

from datetime import date

import ibis
import ibis.expr.types as ir

from data.time_cut import Tables

CONVERTED = {"subscriptions": "mrr_e4", "invoices": "amount_e4"}
"""The amounts that say their currency, by table."""


def in_reporting_currency(tables: Tables, day: date) -> Tables:
    """The tables with their amounts in the reporting currency, at each currency's last rate before ``day``.

    Where all its rates are later it is the first of them. An amount without a currency is in the reporting currency
    already, and so is every amount where there are no ``fx_rates``. One whose currency has no rate is not known.
    """
    if "fx_rates" not in tables:
        return tables
    rates = latest_rates(tables["fx_rates"], day)
    return tables | {
        name: _converted(tables[name], money, rates) for name, money in CONVERTED.items() if name in tables
    }


def latest_rates(rates: ir.Table, day: date) -> ir.Table:
    """One row per ``currency``: its ``rate`` of the last month that began before ``day``, else of its first month."""
    rates = rates.mutate(begins=rates.month.truncate("M"))
    months = rates.group_by("currency").aggregate(
        last=rates.begins.max(where=rates.begins < ibis.literal(day)), first=rates.begins.min()
    )
    months = months.select("currency", begins=ibis.coalesce(months["last"], months["first"]))
    joined = rates.inner_join(months, ["currency", "begins"])
    return joined.group_by("currency").aggregate(rate=joined.rate.max())


def _converted(amounts: ir.Table, money: str, rates: ir.Table) -> ir.Table:
    """Rounded as amounts are read: half a ten-thousandth goes up. What is converted has no currency of its own."""
    joined = amounts.left_join(rates, "currency").select(*amounts.columns, "rate")
    foreign = (joined[money].cast("float64") * joined.rate + 0.5).floor().cast("int64")
    converted = joined.currency.isnull().ifelse(joined[money], foreign)
    return joined.mutate(**{money: converted}, currency=ibis.null("string")).drop("rate")
