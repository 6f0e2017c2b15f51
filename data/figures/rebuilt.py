"""What a later run says otherwise of months that were over, and why.

A month of subscriptions is settled ``settled_days`` after it is over: until then what ended in it may be renewed late,
or be moved to another product. After that only a row that became known late changes it, or what all rows are read by:
rates, plans, names of products, the rules. Bills without a period are read by their rhythm, which more of them tell
better, so a month of those may change without a late row.
"""

from datetime import date, timedelta

import numpy as np
import pandas as pd

from data.figures.tables import REBUILT
from data.ledger.rules import ExpansionRules
from data.sources.known import BILLING, KnownBase
from data.time_cut import learned_since

LATE, UNSETTLED, READ_ANEW = REBUILT.column("why").words
KEY = list(REBUILT.key)


def settled_days(rules: ExpansionRules) -> int:
    """So many days after a month is over nothing that happened later is joined to what ended in it."""
    return max(rules.renewal_gap_days, rules.early_days, rules.moved_within_days or 0)


def settled_before(day: date, rules: ExpansionRules) -> np.datetime64:
    """Months that are over on this day or before are settled on ``day``."""
    return np.datetime64(day - timedelta(days=settled_days(rules)), "D")


def late_accounts(base: KnownBase, since: date) -> set[str]:
    """The accounts of whose lines or bills something became known on ``since`` or later that had happened before."""
    late: set[str] = set()
    for name in BILLING:
        if name in base.tables:
            rows = learned_since(name, base.tables[name], since)
            late |= set(rows.select("account_id").distinct().to_pyarrow()["account_id"].to_pylist())
    return late


def rebuilt(
    before: pd.DataFrame, after: pd.DataFrame, since: date, late: set[str], rules: ExpansionRules
) -> pd.DataFrame:
    """The rows of ``account_movements`` that differ, of months that were over on ``since``, the day of ``before``.

    ``late``: as ``late_accounts`` tells. As the table ``rebuilt`` is declared.
    """
    then = before.rename(columns={"mrr_e4": "before_e4"})
    now = after.rename(columns={"mrr_e4": "after_e4"})
    both = then.merge(now, on=KEY, how="outer").fillna({"before_e4": 0, "after_e4": 0})
    both = both.astype({"before_e4": "int64", "after_e4": "int64"})
    over_on = (both["month"].to_numpy("datetime64[M]") + 1).astype("datetime64[D]")
    is_over, is_settled = over_on <= np.datetime64(since, "D"), over_on <= settled_before(since, rules)
    both["why"] = np.select([both["account_id"].isin(late), ~is_settled], [LATE, UNSETTLED], READ_ANEW)
    differs = (both["before_e4"] != both["after_e4"]).to_numpy()
    return both[is_over & differs].sort_values(KEY, ignore_index=True)
