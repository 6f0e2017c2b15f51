"""The contract lines, people and tickets of a published list: those that are read from the source again."""

import pandas as pd

from data.contract.outputs import ACCOUNT_FACTS
from serving.published.assemble import in_order
from serving.published.read import PublishedList
from serving.verify.files_and_sums import Difference, Differences

KEY = list(ACCOUNT_FACTS.order)


def check_facts(listing: PublishedList, accounts: list[str], facts: pd.DataFrame) -> Differences:
    """The facts of some accounts of the list against those derived again; an older list has none to check."""
    if not listing.has(ACCOUNT_FACTS.name):
        return
    derived = in_order(facts[facts["account_id"].isin(accounts)], listing.snapshot_date)
    listed = listing.of(ACCOUNT_FACTS.name, accounts).astype("object")  # Arrow's texts without a row join nothing
    both = listed.merge(derived.astype("object"), "outer", KEY, suffixes=("", " again"), indicator="found")
    both = both.astype("object").where(both.notna(), None)
    compared = [name for name in ACCOUNT_FACTS.names if name not in (*KEY, "snapshot_date")]
    for fact in both.to_dict("records"):
        where = f"{ACCOUNT_FACTS.name}, {fact['kind']} {fact['position']}"
        if fact["found"] != "both":
            there, again = (
                ("it is there", "it is not") if fact["found"] == "left_only" else ("it is not", "it is there")
            )
            yield Difference(fact["account_id"], where, there, again)
            continue
        for name in compared:
            if fact[name] != fact[f"{name} again"]:
                yield Difference(fact["account_id"], f"{where}, {name}", repr(fact[name]), repr(fact[f"{name} again"]))
