"""A base as Fivetran lands it from Chargebee: history in the lines of invoices, times as seconds, discounts by line."""

from dataclasses import dataclass, field

import pandas as pd

from data.simulation.price_list import CORE, PLANS, SEAT_PRICE
from tests.mappings.stripe import AT, CENTS, seconds
from tests.mappings.world import Frames, chains

TIMES = ("created_at", "cancelled_at", "date", "generated_at", "due_date", "paid_at", "date_from", "date_to")
WELCOME, WELCOME_LINES = 0.25, 2
"""A coupon for the first lines of every fourth contract."""


def of_chargebee(truth: Frames) -> Frames:
    """What Chargebee can tell: an add-on has one plan, and what a coupon takes off is a line of its own."""
    lines, plans = truth["subscriptions"], truth["plans"]
    is_add_on = lines["product"] != CORE
    lines = lines.assign(plan=lines["plan"].mask(is_add_on, "Add-on"), kind="paid")
    off = [
        line.to_dict()
        | {"mrr": -_taken_off(line, _months(chain)) / CENTS / _months(chain), "kind": "discount", "plan": "Discount"}
        | {"seats": None, "renews_on": pd.NaT, "contract_id": f"{line['contract_id']} off"}
        for number, chain in enumerate(chains(lines))
        if number % 4 == 0
        for line in chain[:WELCOME_LINES]
    ]
    return truth | {
        "subscriptions": pd.concat([lines, pd.DataFrame(off)], ignore_index=True),
        "plans": plans.assign(plan=plans["plan"].mask(plans["product"] != CORE, "Add-on")),
    }


def _months(chain: list[pd.Series]) -> int:
    return 12 if (chain[0]["renews_on"] - chain[0]["valid_from"]).days > 100 else 3


def _whole(line: pd.Series, months: int) -> int:
    """What a whole period costs, in cents."""
    return round(line["mrr"] * months * CENTS)


def _taken_off(line: pd.Series, months: int) -> int:
    return round(_whole(line, months) * WELCOME)


@dataclass
class Books:
    """The tables as they are filled."""

    prices: dict[tuple[object, ...], str] = field(default_factory=dict)
    rows: dict[str, list[dict[str, object]]] = field(
        default_factory=lambda: {
            n: []
            for n in ("item_price", "subscription", "invoice", "invoice_line_item", "credit_note_line_item",
                      "invoice_discount")
        }
    )  # fmt: skip

    def price(self, product: str, plan: str, unit: float, months: int) -> str:
        """An item price: whole cents, and the exact price with its decimals."""
        key = (product, plan, round(unit, 12), months)
        if key not in self.prices:
            item = plan if product == CORE else product
            self.prices[key] = f"{item}-USD-{len(self.prices)}"
            period, period_unit = (1, "year") if months == 12 else (months, "month")
            self.rows["item_price"].append(
                {"id": self.prices[key], "item_id": f"item-{item}", "price": round(unit * CENTS),
                 "price_in_decimal": str(round(unit, 12)), "pricing_model": "per_unit", "currency_code": "USD",
                 "period": period, "period_unit": period_unit, "item_type": "plan" if product == CORE else "addon"}
            )  # fmt: skip
        return self.prices[key]

    def line(
        self,
        subscription: str,
        customer: str,
        at: pd.Timestamp,
        until: pd.Timestamp,
        status: str = "paid",
        **of: object,
    ) -> str:
        """An invoice of one line, in cents. An invoice that is due with its date is paid within the hour."""
        invoice = f"INV-{len(self.rows['invoice'])}"
        made = of.pop("made", at)
        self.rows["invoice"].append(
            {"id": invoice, "customer_id": customer, "status": status, "date": made, "generated_at": made,
             "due_date": made, "paid_at": made + pd.Timedelta(minutes=5), "total": of["amount"], "deleted": False}
        )  # fmt: skip
        self.rows["invoice_line_item"].append(
            {"line_item_id": f"li_{invoice}", "invoice_id": invoice, "subscription_id": subscription,
             "date_from": at, "date_to": until, **of}
        )  # fmt: skip
        return invoice

    def off(self, invoice: str, coupon: str, amount: float) -> None:
        self.rows["invoice_discount"].append(
            {"invoice_id": invoice, "entity_id": coupon, "discount_type": "document_level_coupon", "amount": amount}
        )


def land_chargebee(truth: Frames) -> Frames:
    books = Books()
    for plan, price in zip(PLANS, SEAT_PRICE, strict=True):
        books.price(CORE, plan, price, 1)
    for number, chain in enumerate(chains(truth["subscriptions"].query("kind == 'paid'"))):
        _subscribe(books, chain, number)
    for number, bill in enumerate(truth["invoices"].itertuples()):
        price, cents = books.price(bill.product, bill.product, 0.1, 1), round(bill.amount * CENTS)
        books.line(
            f"use-{bill.account_id}", f"cb-{bill.account_id}", bill.period_start, bill.period_end, entity_id=price,
            entity_type="addon_item_price", description=bill.product, quantity=number % 7 + 1, amount=cents,
            discount_amount=0, made=bill.billed_at + AT,
        )  # fmt: skip
    used = dict.fromkeys(f"{account}" for account in truth["invoices"]["account_id"])
    books.rows["subscription"] += [
        {"id": f"use-{account}", "customer_id": f"cb-{account}", "status": "active"} for account in used
    ]
    tables = {name: pd.DataFrame(rows) for name, rows in books.rows.items()} | _catalogue(truth)
    return {name: seconds(frame, TIMES) for name, frame in tables.items()}


def _subscribe(books: Books, chain: list[pd.Series], number: int) -> None:
    """One subscription of one item: a line for each period, a part of one for each change within it."""
    months, first, last = _months(chain), chain[0], chain[-1]
    name, customer = f"sub-{number}", f"cb-{first['account_id']}"
    ended = None if pd.isna(last["valid_to"]) else last["valid_to"] + AT
    books.rows["subscription"].append(
        {
            "id": name,
            "customer_id": customer,
            "status": "active" if ended is None else "cancelled",
            "cancelled_at": ended,
        }
    )
    before = None
    for place, line in enumerate(chain):
        quantity = 1 if pd.isna(line["seats"]) else int(line["seats"])
        price = books.price(line["product"], line["plan"], line["mrr"] * months / quantity, months)
        at, until = line["valid_from"] + AT, line["renews_on"] + AT
        is_change = before is not None and before["renews_on"] > line["valid_from"]
        is_part = is_change and before["renews_on"] == line["renews_on"]
        if is_change:
            books.rows["credit_note_line_item"].append(
                {"subscription_id": name, "entity_id": price, "date_from": at, "date_to": before["renews_on"] + AT}
            )
        part = 0.4 if is_part else 1
        cents = _whole(line, months) * part
        has_welcome = number % 4 == 0 and place < WELCOME_LINES
        common = {
            "entity_id": price, "quantity": quantity, "amount": cents,
            "entity_type": "plan_item_price" if line["product"] == CORE else "addon_item_price",
            "description": line["plan"] + (" - Prorated Charges" if is_part else ""),
            "discount_amount": _taken_off(line, months) * part if has_welcome else 0,
        }  # fmt: skip
        if number % 9 == 0:  # written, voided and written again
            books.line(name, customer, at, until, "voided", **common | {"quantity": quantity + 3})
        if number % 7 == 3 and place == 0 and not has_welcome:  # a present: of this bill alone
            common["discount_amount"] = 1000
            books.off(books.line(name, customer, at, until, **common), "ONCE", 1000)
        else:
            invoice = books.line(name, customer, at, until, **common)
            if has_welcome:
                books.off(invoice, "WELCOME", common["discount_amount"])
        before = line


WORD = {("month", 1): "Monthly", ("month", 3): "Quarterly", ("year", 1): "Yearly"}


def of_chargebee_plans(truth: Frames) -> Frames:
    """What Product Catalog 1.0 can tell: no families, and nothing metered."""
    told = of_chargebee({name: frame for name, frame in truth.items() if name != "invoices"})
    return told | {name: told[name].replace({"product": {CORE: "Subscription"}}) for name in ("subscriptions", "plans")}


def land_chargebee_plans(truth: Frames) -> Frames:
    """The same bills, with a plan or an addon for each price, in whose name its period and currency stand."""
    as_items = {name: truth[name].replace({"product": {"Subscription": CORE}}) for name in ("subscriptions", "plans")}
    none_used = pd.DataFrame(columns=["account_id", "product", "period_start", "period_end", "billed_at", "amount"])
    tables = land_chargebee(truth | as_items | {"invoices": none_used})
    prices, items = tables.pop("item_price"), tables.pop("item")
    tables.pop("item_family")
    words = [WORD[unit, number] for unit, number in zip(prices["period_unit"], prices["period"], strict=True)]
    of_item = prices["item_id"].map(items.set_index("id")["name"])
    prices = prices.assign(name=[f"{name} {word} (USD)" for name, word in zip(of_item, words, strict=True)])
    for kind in ("plan", "addon"):
        tables[kind] = prices[prices["item_type"] == kind].drop(columns=["item_id", "item_type"])
    kinds = tables["invoice_line_item"]["entity_type"].str.removesuffix("_item_price")
    return tables | {"invoice_line_item": tables["invoice_line_item"].assign(entity_type=kinds)}


def _catalogue(truth: Frames) -> Frames:
    accounts = truth["accounts"]
    metered = {*truth["invoices"]["product"]}
    add_ons = sorted({*truth["subscriptions"]["product"], *metered} - {CORE})
    items = [(plan, "plan", "seat") for plan in PLANS] + [(name, "addon", None) for name in add_ons]
    return {
        "customer": pd.DataFrame(
            {"id": "cb-" + accounts["account_id"], "company": accounts["name"], "created_at": accounts["created_at"],
             "email": [f"billing@account{number}.example" for number in range(len(accounts))],
             "cf_salesforce_account_id": accounts["account_id"], "deleted": False}
        ),
        "item": pd.DataFrame(
            [{"id": f"item-{name}", "name": name, "type": kind, "unit": unit, "item_family_id": kind,
              "metered": name in metered} for name, kind, unit in items]
        ),
        "item_family": pd.DataFrame({"id": ["plan", "addon"], "name": [CORE, "Add-ons"]}),
        "coupon": pd.DataFrame({"id": ["WELCOME", "ONCE"], "duration_type": ["limited_period", "one_time"]}),
    }  # fmt: skip
