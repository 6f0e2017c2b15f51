"""A base as Fivetran lands it from Zuora: charges in segments, copied with every amendment; terms as versions."""

from datetime import timedelta

import pandas as pd

from tests.mappings.world import Frames, chains

COPIED = timedelta(days=40)
PERCENT, AMOUNT, MOST_LINES = 10.0, 30.0, 2
"""What every fourth contract has off its first lines: a share of the price, or an amount a month."""


def _discount(number: int) -> str | None:
    return {0: "Discount-Percentage", 2: "Discount-Fixed Amount"}.get(number % 4)


def _less(number: int, mrr: float) -> float:
    return mrr * PERCENT / 100 if _discount(number) == "Discount-Percentage" else min(mrr, AMOUNT)


def of_zuora(truth: Frames) -> Frames:
    """What a discount charge takes off is a line of its own."""
    lines = truth["subscriptions"].assign(kind="paid")
    off = [
        line.to_dict()
        | {"mrr": -_less(number, line["mrr"]), "kind": "discount", "plan": "Discount", "seats": None}
        | {"renews_on": pd.NaT, "contract_id": f"{line['contract_id']} off"}
        for number, chain in enumerate(chains(lines))
        if _discount(number)
        for line in chain[:MOST_LINES]
    ]
    return truth | {"subscriptions": pd.concat([lines, pd.DataFrame(off)], ignore_index=True)}


def land_zuora(truth: Frames) -> Frames:
    subscriptions: list[dict[str, object]] = []
    charges: list[dict[str, object]] = []
    tiers: list[dict[str, object]] = []
    plans: dict[tuple[str, str], str] = {}
    for number, chain in enumerate(chains(truth["subscriptions"].query("kind == 'paid'"))):
        account, contract = f"z{chain[0]['account_id']}", f"A-S{number:08d}"
        starts: dict[pd.Timestamp, pd.Timestamp] = {}
        for line in chain:
            starts.setdefault(line["renews_on"], line["valid_from"])
        subscriptions += [
            {"id": f"{contract}-{version}", "name": contract, "version": version, "account_id": account,
             "created_date": start, "term_start_date": start, "term_end_date": end, "status": "Active"}
            for version, (end, start) in enumerate(starts.items(), 1)
        ]  # fmt: skip
        charges += _charges(chain, contract, len(starts), plans)
        if _discount(number):
            charges.append(_discount_charge(chain, contract, len(starts), number))
            of = {"discount_percentage": PERCENT} if number % 4 == 0 else {"discount_amount": AMOUNT * 12}
            tiers.append({"id": f"t{number}", "rate_plan_charge_id": charges[-1]["id"]} | of)
    charges += [
        {"id": f"usage-{account}-{copy}", "charge_number": f"C-usage-{account}", "segment": 1, "version": copy,
         "effective_start_date": pd.Timestamp("2020-01-01"), "effective_end_date": None, "mrr": 0.0,
         "created_date": pd.Timestamp("2020-01-01"), "name": "Messaging", "subscription_id": f"usage-{account}",
         "rate_plan_id": None, "charge_type": "Usage", "charge_model": "Per Unit Pricing",
         "quantity": None, "uom": "Each"}
        for account in sorted(truth["invoices"]["account_id"].unique()) for copy in (1, 2)
    ]  # fmt: skip
    subscriptions += [
        {"id": f"usage-{account}", "name": f"usage-{account}", "version": 1, "account_id": f"z{account}",
         "created_date": pd.Timestamp("2020-01-01"), "status": "Active"}
        for account in sorted(truth["invoices"]["account_id"].unique())
    ]  # fmt: skip
    bills = truth["invoices"].reset_index(drop=True)
    items = pd.DataFrame(
        {
            "id": [f"ii-{number}" for number in range(len(bills))],
            "rate_plan_charge_id": [f"usage-{a}-{1 + n % 2}" for n, a in enumerate(bills["account_id"])],
            "charge_amount": bills["amount"],
            "created_date": bills["billed_at"] + timedelta(hours=5),
            "service_start_date": bills["period_start"],
            "service_end_date": bills["period_end"],
            "invoice_id": [f"in-{number}" for number in range(len(bills))],
        }
    )
    drafts = items[::3].assign(id=items["id"] + "-draft", invoice_id=items["invoice_id"] + "-draft")
    accounts = truth["accounts"]
    return {
        "account": pd.DataFrame(
            {
                "id": "z" + accounts["account_id"],
                "name": accounts["name"],
                "created_date": accounts["created_at"],
                "currency": "USD",
                "crm_id": accounts["account_id"],
            }
        ),
        "subscription": pd.DataFrame(subscriptions),
        "rate_plan_charge": pd.DataFrame(charges),
        "rate_plan_charge_tier": pd.DataFrame(
            tiers, columns=["id", "rate_plan_charge_id", "discount_percentage", "discount_amount"]
        ),
        "rate_plan": pd.DataFrame(
            [{"id": i, "name": plan, "product_rate_plan_id": f"p{i}"} for (_, plan), i in plans.items()]
        ),
        "product_rate_plan": pd.DataFrame(
            [{"id": f"p{i}", "product_id": product} for (product, _), i in plans.items()]
        ),
        "product": pd.DataFrame([{"id": product, "name": product} for product in sorted({p for p, _ in plans})]),
        "invoice_item": pd.concat([items, drafts], ignore_index=True),
        "invoice": pd.DataFrame(
            {
                "id": [*items["invoice_id"], *drafts["invoice_id"]],
                "status": ["Posted"] * len(items) + ["Draft"] * len(drafts),
            }
        ),
    }


def _discount_charge(chain: list[pd.Series], contract: str, versions: int, number: int) -> dict[str, object]:
    """One charge for the first lines of a contract; Zuora gives it no MRR."""
    first, last = chain[0], chain[:MOST_LINES][-1]
    return {
        "id": f"{contract}-off", "charge_number": f"{contract}-OFF", "segment": 1, "version": 1, "mrr": 0.0,
        "effective_start_date": first["valid_from"], "created_date": first["valid_from"], "name": "Welcome",
        "effective_end_date": None if len(chain) == 1 and pd.isna(last["valid_to"]) else last["valid_to"],
        "subscription_id": f"{contract}-{versions}", "rate_plan_id": None, "charge_type": "Recurring",
        "charge_model": _discount(number), "quantity": None, "uom": None, "billing_period": "Annual",
        "discount_level": "subscription", "apply_discount_to": "ONETIMERECURRINGUSAGE",
    }  # fmt: skip


def _charges(
    chain: list[pd.Series], contract: str, versions: int, plans: dict[tuple[str, str], str]
) -> list[dict[str, object]]:
    """A segment for each run of equal terms; another plan is another charge. Each is copied, and its end came later."""
    rows: list[dict[str, object]] = []
    segments: list[list[pd.Series]] = []
    for line in chain:
        if not segments or any(not _same(segments[-1][-1][c], line[c]) for c in ("plan", "mrr", "seats")):
            segments.append([])
        segments[-1].append(line)
    charge, segment, plan = 0, 0, None
    for lines in segments:
        first, last = lines[0], lines[-1]
        charge, segment = (charge, segment + 1) if first["plan"] == plan else (charge + 1, 1)
        plan = first["plan"]
        rate_plan = plans.setdefault((first["product"], plan), f"rp{len(plans)}")
        end = last["renews_on"] if pd.isna(last["valid_to"]) else last["valid_to"]
        base = {
            "charge_number": f"{contract}-C{charge}", "segment": segment, "effective_start_date": first["valid_from"],
            "mrr": first["mrr"], "name": first["product"], "subscription_id": f"{contract}-{versions}",
            "rate_plan_id": rate_plan, "charge_type": "Recurring", "charge_model": "Per Unit Pricing",
            "quantity": None if pd.isna(first["seats"]) else float(first["seats"]),
            "uom": "Each" if pd.isna(first["seats"]) else "Seats",
        }  # fmt: skip
        known = [(first["renews_on"], first["valid_from"]), (end, end), (end, end + COPIED)]
        rows += [
            base | {"id": f"{contract}-{charge}-{segment}-{version}", "version": version, "effective_end_date": until,
                    "created_date": first["valid_from"] if version == 1 else at}
            for version, (until, at) in enumerate(known, 1)
        ]  # fmt: skip
    return rows


def _same(a: object, b: object) -> bool:
    return bool(a == b or (pd.isna(a) and pd.isna(b)))
