"""The bridge: how the MRR of a month's beginning became that of its end, movement by movement, slice by slice."""

from functools import partial

import numpy as np
import pandas as pd

from data.contract.vocabulary import MOTIONS, MOVEMENT_CLASSES
from data.figures.accounts.calendar import WINDOWS, YEAR_MONTHS, first_days
from data.figures.accounts.panel import Panel
from data.figures.accounts.slices import Slices

LOSSES = ("contraction", "churn")


def bridge(panel: Panel, slices: Slices, settled_before: np.datetime64) -> pd.DataFrame:
    """One row per slice and month with MRR or a movement, as the table ``bridge`` is declared.

    ``settled_before``: months that are over by then cannot change, unless a row becomes known late. Raises
    ``AssertionError`` if a row does not close, which is a fault of ours.
    """
    table = slices.table(
        first_days(panel.months),
        mrr_start_e4=slices.sums(panel.start_e4),
        **{f"{name}_e4": slices.sums(panel.within_e4(name)) for name in MOVEMENT_CLASSES},
        mrr_end_e4=slices.sums(panel.end_e4),
        accounts_start=slices.sums((panel.start_e4 > 0).astype("int64")),
        accounts_end=slices.sums((panel.end_e4 > 0).astype("int64")),
    )
    moved = table[[f"{name}_e4" for name in MOVEMENT_CLASSES]]
    open_rows = table[table["mrr_start_e4"] + moved.sum(axis=1) != table["mrr_end_e4"]]
    assert open_rows.empty, f"the bridge does not close: {open_rows.head().to_dict('records')}"
    table["settled"] = np.tile(first_days(panel.months + 1) <= settled_before, len(slices.names))
    amounts = table[["mrr_start_e4", *moved.columns, "mrr_end_e4"]]
    return table[(amounts != 0).any(axis=1)].reset_index(drop=True)


def expansion(panel: Panel, slices: Slices) -> pd.DataFrame:
    """One row per slice, month and window with new or expansion ARR, as the table ``expansion`` is declared.

    ARR is 12 x the MRR gained. What is *kept* of it is that less what the same account lost within the window, so that
    use that swings is not counted each time it rises. A window that begins before the month of the first movement is
    left out.
    """
    arr = {name: YEAR_MONTHS * slices.sums(panel.moved_e4[name]) for name in (*MOTIONS, "new")}
    tables = []
    for window in WINDOWS:
        sums = {f"{name}_arr_e4": _trailing(value, window, len(panel.months)) for name, value in arr.items()}
        sums["kept_arr_e4"] = YEAR_MONTHS * slices.sums_of(partial(_of_some, panel, window))["kept"]
        table = slices.table(panel.months, **sums)
        table.insert(3, "months", window)
        tables.append(table[table["month"] - window + 1 >= panel.first])
    table = pd.concat(tables, ignore_index=True)
    table["month"] = first_days(table["month"].to_numpy())
    table["expansion_arr_e4"] = table[[f"{motion}_arr_e4" for motion in MOTIONS]].sum(axis=1)
    all_new = table["expansion_arr_e4"] + table["new_arr_e4"]
    table["expansion_share"] = table["expansion_arr_e4"] / all_new.where(all_new > 0)
    kept = table["kept_arr_e4"] + table["new_arr_e4"]
    table["kept_share"] = table["kept_arr_e4"] / kept.where(kept > 0)
    return table[all_new != 0].reset_index(drop=True)


def _of_some(panel: Panel, window: int, accounts: slice) -> dict[str, np.ndarray]:
    return {"kept": kept_e4(panel.of(accounts), window)}


def kept_e4(panel: Panel, window: int) -> np.ndarray:
    """What each account gained by motions within the window of each month more than it lost."""
    net = sum(panel.moved_e4[name] for name in (*MOTIONS, *LOSSES)).toarray()
    return np.maximum(_trailing(net, window, len(panel.months)), 0)


def _trailing(values: np.ndarray, window: int, count: int) -> np.ndarray:
    """The sums of ``window`` consecutive columns that end with each of the last ``count``."""
    so_far = np.pad(np.cumsum(values, axis=1), ((0, 0), (1, 0)))
    summed = so_far[:, window:] - so_far[:, :-window]
    return summed[:, -count:]
