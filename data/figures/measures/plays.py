"""What came of plays: how many were won, how soon after their trigger, and what they brought.

A play is opened on its trigger. The close rate is of those that were won or lost: what is open may yet be won, and who
said "not now" may be asked again.
"""

import ibis.expr.types as ir
import numpy as np
import pandas as pd
from scipy.stats import binomtest

from data.contract.vocabulary import PLAY_STATUSES
from data.figures.accounts.slices import WHOLE
from data.figures.measures.tables import PLAYS
from data.time_cut import CORRECTED_ON, WITHDRAWN_ON, Tables

OPEN, WON, LOST = "open", "won", "lost"
QUARTERS = {"days_to_win_q1": 0.25, "days_to_win": 0.5, "days_to_win_q3": 0.75}


def plays_of(tables: Tables) -> pd.DataFrame:
    """One row per account, play and day on which it was opened: as it stands now; without a row where none is kept.

    Of what was recorded and corrected later the correction counts, and what was taken back does not. What came of a
    play stays true once its account is opened again, and a "not now" once its time is over; what was under way until
    then came to nothing, and does not count.
    """
    names = ["account_id", "play", "opened_on", "status", "closed_on", "arr_e4"]
    if "outcomes" not in tables:
        return pd.DataFrame({name: pd.Series(dtype="object") for name in names})
    outcomes: ir.Table = tables["outcomes"]
    if CORRECTED_ON in outcomes.columns:
        was_dropped = outcomes[WITHDRAWN_ON].notnull() & (outcomes.status == OPEN)
        outcomes = outcomes.filter(outcomes[CORRECTED_ON].isnull() & ~was_dropped.fill_null(False))
    held = outcomes.select(*names).to_pyarrow().to_pandas(date_as_object=False)
    held = held.sort_values("closed_on", na_position="first", kind="stable")
    return held.drop_duplicates(names[:3], keep="last", ignore_index=True)


def plays(rows: pd.DataFrame) -> pd.DataFrame:
    """One row per play and one of all together (``all``), as the table ``plays`` is declared."""
    parts = [(WHOLE, rows), *((str(play), of_play) for play, of_play in rows.groupby("play", sort=True))]
    told = [{"play": play, **_come_to(of_play)} for play, of_play in parts if len(of_play)]
    return pd.DataFrame(told, columns=list(PLAYS.names)).sort_values("play", ignore_index=True)


def _come_to(rows: pd.DataFrame) -> dict[str, object]:
    status = rows["status"]
    counts = {name: int((status == name).sum()) for name in PLAY_STATUSES}
    won = rows[(status == WON) & rows["closed_on"].notna()]
    days = (pd.to_datetime(won["closed_on"]) - pd.to_datetime(won["opened_on"])).dt.days.to_numpy("float64")
    ended = counts[WON] + counts[LOST]
    rate = binomtest(counts[WON], ended).proportion_ci(method="wilson") if ended else None
    return {
        "opened": len(rows),
        **counts,
        "close_rate": counts[WON] / ended if ended else np.nan,
        "close_rate_low": rate.low if rate else np.nan,
        "close_rate_high": rate.high if rate else np.nan,
        **{name: float(np.quantile(days, share)) if len(days) else np.nan for name, share in QUARTERS.items()},
        "won_arr_e4": int(rows.loc[status == WON, "arr_e4"].fillna(0).sum()),
    }
