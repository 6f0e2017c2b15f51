"""The triggers of the field as a points score: what teams rank by once a spreadsheet is not enough.

Each trigger that fires gives its points; the list is ranked by their sum. One that reads a column that is not there
never fires.
"""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from data.contract.triggers import TRIGGERS


def columns(rows: pd.DataFrame) -> list[str]:
    """The columns that the triggers read of these rows."""
    return list(dict.fromkeys(name for trigger in TRIGGERS if trigger.can_be_asked(rows) for name in trigger.reads))


def points(rows: pd.DataFrame, thresholds: Mapping[str, float]) -> np.ndarray:
    """The points of each row. ``thresholds``: by the code of the trigger; one that is not there has its default."""
    total = np.zeros(len(rows))
    for trigger in TRIGGERS:
        if trigger.can_be_asked(rows):
            total += trigger.points * trigger.fires(rows, thresholds.get(trigger.code, trigger.threshold))
    return total
