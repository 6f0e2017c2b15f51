"""What a list says of accounts of which not all is known: of a feed, of a part of the use, or of their own silence."""

from dataclasses import replace
from datetime import date

import pandas as pd

from data.feeds.parts import SilentPart
from data.feeds.rhythm import Silence
from serving.published.context import ListContext
from tests.serving.world import snapshot

LATE = date(2026, 9, 18)
TICKETS = Silence("tickets", LATE, 13, 1)
EMEA = SilentPart("usage_events", "region", "EMEA", LATE, 13, ("b",))
STOPPED = {"a": date(2026, 9, 10), "b": LATE}


def said(**known: object) -> dict[str, str]:
    """Of the accounts a (whose use stopped), b (the same, of EMEA) and c, what is said; empty: nothing is."""
    made = snapshot(4).context
    assert isinstance(made, ListContext)
    context, accounts = replace(made, **known), pd.Series(["a", "b", "c"])
    told = pd.concat([own.not_judged(accounts[is_own]) for own, is_own in context.groups(accounts)]).sort_index()
    return dict(zip(accounts, told.fillna(""), strict=True))


def test_an_account_whose_use_stopped_is_told_though_another_feed_is_silent() -> None:
    told = said(silent=(TICKETS,), stopped_dead=STOPPED)
    assert told["c"] == "Not known and not judged: support tickets since 18 Sep 2026."
    assert told["a"].startswith(f"{told['c']} Nothing has come in since 10 Sep 2026, when all use stopped at once:")
    assert said(stopped_dead=STOPPED)["a"].startswith("Nothing has come in since 10 Sep 2026")
    assert said(stopped_dead=STOPPED)["c"] == ""


def test_where_a_part_stopped_its_accounts_are_told_of_the_part_and_the_others_of_themselves() -> None:
    told = said(parts=(EMEA,), stopped_dead=STOPPED)
    assert told["b"] == "Not known and not judged: use (region EMEA stopped) since 18 Sep 2026."
    assert told["a"].startswith("Nothing has come in since 10 Sep 2026")
    assert told["c"] == ""
