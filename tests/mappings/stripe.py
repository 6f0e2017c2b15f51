"""A base as Fivetran lands it from Stripe: history in the lines of invoices, everything else as of today."""

import json
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import timedelta

import pandas as pd

from data.simulation.price_list import MESSAGING, PLANS, SEAT_PRICE
from tests.mappings.world import Frames, chains

AT = timedelta(hours=10, minutes=15)
"""Periods begin at some time of the day."""
CENTS = 100


def customer_of(account: str, product: str) -> str:
    """The payer: of every fifth account the add-ons are paid by another customer of Stripe."""
    number = int(account[4:15])
    second = number % 5 == 0 and product not in ("Workspace", MESSAGING)
    return f"cus_{number}{'b' if second else 'a'}"


@dataclass
class Books:
    """The tables as they are filled."""

    truth: Frames
    prices: dict[tuple[object, ...], str] = field(default_factory=dict)
    rows: dict[str, list[dict[str, object]]] = field(
        default_factory=lambda: {n: [] for n in ("price", "subscription", "invoice", "invoice_line_item")}
    )

    def price(self, product: str, plan: str, unit: float | None, months: int, *, metered: bool = False) -> str:
        """The price of a unit for a period, in cents with up to twelve places, as Stripe has them."""
        key = (product, plan, None if unit is None else round(unit, 12), months)
        if key not in self.prices:
            self.prices[key] = f"price_{len(self.prices)}"
            word, interval, count = ("yearly", "year", 1) if months == 12 else ("", "month", months)
            amount = None if unit is None else round(unit * CENTS, 10)
            self.rows["price"].append(
                {"id": self.prices[key], "product_id": f"prod_{product}", "currency": "usd", "active": True,
                 "nickname": f"{plan} {word} USD" if word else f"{plan} - EUR"[: len(plan)],
                 "billing_scheme": "per_unit", "unit_amount": None, "unit_amount_decimal": amount,
                 "recurring_interval": interval, "recurring_interval_count": count,
                 "recurring_usage_type": "metered" if metered else "licensed"}
            )  # fmt: skip
        return self.prices[key]

    def line(
        self, subscription: str, item: str, customer: str, at: pd.Timestamp, until: pd.Timestamp, **of: object
    ) -> None:
        """An invoice of one line, in cents."""
        number = len(self.rows["invoice"])
        status, created = of.pop("invoice_status", "paid"), of.pop("created", at)
        self.rows["invoice"].append(
            {"id": f"in_{number}", "customer_id": customer, "status": status, "created": created, "due_date": None,
             "billing_reason": "subscription_update" if of["proration"] else "subscription_cycle", "livemode": True,
             "is_deleted": False}
        )  # fmt: skip
        self.rows["invoice_line_item"].append(
            {"id": f"il_{number}", "invoice_id": f"in_{number}", "subscription_id": subscription,
             "subscription_item_id": item, "period_start": at, "period_end": until, "currency": "usd", **of}
        )  # fmt: skip


def land_stripe(truth: Frames) -> Frames:
    books = Books(truth)
    for plan, price in zip(PLANS, SEAT_PRICE, strict=True):
        books.price("Workspace", plan, price, 1)
    lines = truth["subscriptions"]
    annual = set(lines.loc[(lines["renews_on"] - lines["valid_from"]).dt.days > 100, "account_id"])
    for chain in chains(lines):
        _subscribe(books, chain, 12 if chain[0]["account_id"] in annual else 3)
    for number, bill in enumerate(truth["invoices"].itertuples()):
        price = books.price(bill.product, bill.product, 0.1, 1, metered=True)
        books.line(
            f"sub_m{bill.account_id}", f"si_m{bill.account_id}", customer_of(bill.account_id, bill.product),
            bill.period_start, bill.period_end, plan_id=price, proration=False, quantity=number % 7,
            amount=round(bill.amount * CENTS), created=bill.billed_at + AT,
        )  # fmt: skip
    return {**{name: pd.DataFrame(rows) for name, rows in books.rows.items()}, **_customers(truth, books)}


def _subscribe(books: Books, chain: list[pd.Series], months: int) -> None:
    """One subscription with one item: a line for each period, and two for each change within one."""
    number = len(books.rows["subscription"])
    name, item = f"sub_{number}", f"si_{number}"
    first, last = chain[0], chain[-1]
    customer = customer_of(first["account_id"], first["product"])
    ended = None if pd.isna(last["valid_to"]) else last["valid_to"] + AT
    books.rows["subscription"].append(
        {"id": name, "customer_id": customer, "status": "active" if ended is None else "canceled",
         "created": first["valid_from"] + AT, "canceled_at": ended, "cancel_at_period_end": False, "ended_at": ended,
         "trial_start": None, "trial_end": None, "livemode": True, "_fivetran_active": True}
    )  # fmt: skip
    before = None
    for line in chain:
        quantity = 1 if pd.isna(line["seats"]) else int(line["seats"])
        price = books.price(line["product"], line["plan"], line["mrr"] * months / quantity, months)
        at, until = line["valid_from"] + AT, line["renews_on"] + AT
        is_change = before is not None and before["renews_on"] > line["valid_from"]
        if is_change:
            unused = round(before["mrr"] * months * CENTS * 0.37)
            books.line(
                name, item, customer, at, until, plan_id=price, proration=True, quantity=quantity, amount=-unused
            )
        is_part = is_change and before["renews_on"] == line["renews_on"]
        amount = round(line["mrr"] * months * CENTS * (0.37 if is_part else 1))
        common = {"plan_id": price, "proration": is_part, "quantity": quantity, "amount": amount}
        if number % 9 == 0:  # written, voided and written again
            books.line(
                name, item, customer, at, until, **{**common, "quantity": quantity + 3, "invoice_status": "void"}
            )
        books.line(name, item, customer, at, until, **common)
        before = line


def _metadata(account: str, number: int) -> str:
    return json.dumps({"salesforce_account_id": account[: 18 if number % 2 else 15]} if number % 3 else {})


def _customers(truth: Frames, books: Books) -> Frames:
    paying = {row["customer_id"] for name in ("subscription", "invoice") for row in books.rows[name]}
    rows = [
        {"id": customer, "created": account.created_at, "name": account.name, "description": None, "livemode": True,
         # Two in three are linked by metadata, half of these by the form of 15 letters; the others by their domain.
         "metadata": _metadata(account.account_id, number),
         "email": f"billing@account{number}.example"}
        for number, account in enumerate(truth["accounts"].itertuples(index=False))
        for customer in (f"cus_{int(account.account_id[4:15])}a", f"cus_{int(account.account_id[4:15])}b")
        if customer in paying
    ]  # fmt: skip
    products = sorted({*truth["subscriptions"]["product"], *truth["invoices"]["product"]})
    labels = {"Workspace": "seat"}
    return {
        "customer": pd.DataFrame(rows),
        "product": pd.DataFrame([{"id": f"prod_{p}", "name": p, "unit_label": labels.get(p)} for p in products]),
    }


TIMES = ("created", "canceled_at", "ended_at", "trial_start", "trial_end", "period_start", "period_end", "due_date")
WITH_DLT = {
    "subscription": {"customer_id": "customer"},
    "invoice": {"customer_id": "customer", "id": "_dlt_id"},
    "invoice__lines__data": {"invoice_id": "_dlt_parent_id", "subscription_id": "subscription", "plan_id": "price__id",
                             "subscription_item_id": "subscription_item", "period_start": "period__start",
                             "period_end": "period__end"},
    "price": {"product_id": "product", "recurring_interval": "recurring__interval",
              "recurring_interval_count": "recurring__interval_count", "recurring_usage_type": "recurring__usage_type"},
}  # fmt: skip


def land_stripe_with_dlt(truth: Frames) -> Frames:
    """The same as dlt lands it: seconds since 1970, children that name their parent, metadata as columns."""
    tables = land_stripe(truth)
    tables["invoice__lines__data"] = tables.pop("invoice_line_item")
    customer = tables["customer"]
    ids = customer["metadata"].map(lambda text: json.loads(text).get("salesforce_account_id"))
    tables["customer"] = customer.assign(metadata__salesforce_account_id=ids).drop(columns="metadata")
    return {name: seconds(frame, TIMES).rename(columns=WITH_DLT.get(name, {})) for name, frame in tables.items()}


def seconds(frame: pd.DataFrame, times: Collection[str]) -> pd.DataFrame:
    """The same with these times as seconds since 1970, where the frame has them."""
    times = [name for name in times if name in frame]
    since = {name: (pd.to_datetime(frame[name]) - pd.Timestamp(0)) // pd.Timedelta(seconds=1) for name in times}
    return frame.assign(**{name: value.astype("Int64") for name, value in since.items()})
