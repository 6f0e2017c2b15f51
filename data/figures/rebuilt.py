"""What a later run says otherwise of months that were over, and why.

A month of subscriptions is settled ``settled_days`` after it is over: until then what ended in it may be renewed late,
or be moved to another product. After that only a row that became known late changes it, one that was rewritten in the
source, or what all rows are read by: rates, plans, names of products, the rules. Bills without a period are read by
their rhythm, which more of them tell better, so a month of those may change without a late row.

A source keeps no trace of what it rewrites. So each run keeps a hash of the rows that it read of each account; a later
one hashes what it would have read on that day, and where the two differ rows were rewritten, added or taken away.
"""

from collections.abc import Collection
from datetime import date, timedelta
from zlib import crc32

import ibis.expr.types as ir
import numpy as np
import pandas as pd

from data.currency import CONVERTED
from data.figures.tables import ACCOUNT_ROWS, REBUILT
from data.ledger.rules import ExpansionRules
from data.sources.known import BILLING, KnownBase
from data.time_cut import before_day, learned_since

LATE, REWRITTEN, UNSETTLED, READ_ANEW = REBUILT.column("why").words
KEY, KEY_OF_ROWS = list(REBUILT.key), list(ACCOUNT_ROWS.key)


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


def account_rows(base: KnownBase, day: date) -> pd.DataFrame:
    """What was known before a day of each account's lines and bills, hashed, as ``account_rows`` is declared.

    Without a row where the engine has no hash.
    """
    parts = [pd.DataFrame(columns=list(ACCOUNT_ROWS.names))]
    for name in BILLING:
        if name not in base.tables:
            continue
        known = before_day(name, base.tables[name], day)
        known = known.drop(CONVERTED[name]) if "fx_rates" in base.tables else known
        hashed = base.engine.fingerprints(known, "account_id")
        if hashed is not None:
            of_table = hashed.to_pyarrow().to_pandas().dropna(subset="account_id")
            parts.append(of_table.assign(table=name, engine=f"{base.engine.kind}, {_columns_in_short(known)}"))
    return pd.concat(parts[1:] or parts)[list(ACCOUNT_ROWS.names)].sort_values(KEY_OF_ROWS, ignore_index=True)


def _columns_in_short(table: ir.Table) -> str:
    """What tells the columns that are hashed from others, as where amounts are not, or a later version reads more."""
    return f"columns {crc32(' '.join(sorted(table.columns)).encode()):08x}"


def rewritten_accounts(then: pd.DataFrame, now: pd.DataFrame) -> set[str]:
    """The accounts of which ``account_rows`` of a day say otherwise now.

    None of a table of which another engine made the hashes, or of other columns.
    """
    both = then.merge(now, on=KEY_OF_ROWS, how="outer", suffixes=("_then", "_now"))
    differs = (both["rows_then"] != both["rows_now"]) | (both["rows_hash_then"] != both["rows_hash_now"])
    of_then, of_now = (dict(zip(rows["table"], rows["engine"], strict=True)) for rows in (then, now))
    others = [table for table in of_then.keys() & of_now.keys() if of_then[table] != of_now[table]]
    return set(both.loc[differs & ~both["table"].isin(others), "account_id"])


def rebuilt(
    before: pd.DataFrame,
    after: pd.DataFrame,
    since: date,
    late: Collection[str],
    rules: ExpansionRules,
    rewritten: Collection[str] = (),
) -> pd.DataFrame:
    """The rows of ``account_movements`` that differ, of months that were over on ``since``, the day of ``before``.

    ``late``, ``rewritten``: as ``late_accounts`` and ``rewritten_accounts`` tell. As ``rebuilt`` is declared.
    """
    then = before.rename(columns={"mrr_e4": "before_e4"})
    now = after.rename(columns={"mrr_e4": "after_e4"})
    both = then.merge(now, on=KEY, how="outer").fillna({"before_e4": 0, "after_e4": 0})
    both = both.astype({"before_e4": "int64", "after_e4": "int64"})
    over_on = (both["month"].to_numpy("datetime64[M]") + 1).astype("datetime64[D]")
    is_over, is_settled = over_on <= np.datetime64(since, "D"), over_on <= settled_before(since, rules)
    is_late, is_rewritten = (both["account_id"].isin(accounts).to_numpy() for accounts in (late, rewritten))
    both["why"] = np.select([is_late, is_rewritten, ~is_settled], [LATE, REWRITTEN, UNSETTLED], READ_ANEW)
    differs = (both["before_e4"] != both["after_e4"]).to_numpy()
    return both[is_over & differs].sort_values(KEY, ignore_index=True)
