"""Which reason of an account is told first: the one that goes with its play."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from data.conditions import Condition
from data.contract.outputs import FOR

READ = ("account_id", "reason_code", "numbers_from", "effect", "shown")
"""What is read of ``reasons`` to say which of them leads."""
ANSWERED, STATED = 1, 2


def leading(reasons: pd.DataFrame, plays: Mapping[str, Mapping[str, Any]], play_of: pd.Series) -> npt.NDArray[np.bool_]:
    """Of each row of ``reasons`` (columns ``READ``, an account's strongest first): is it told first of its account?

    The first that a CSM sees and that states what the account's play rests on; where there is none, the first that the
    play answers; where there is none of these either, no row is. ``plays``: those of the manifest, by their code;
    ``play_of``: the play of each account, by its id.
    """
    rests_on = {
        code: frozenset(Condition.parse(asked).subject for asked in play.get("requires", ()))
        for code, play in plays.items()
    }
    may_lead = np.flatnonzero(reasons["shown"].fillna(value=False).astype(bool) & (reasons["effect"] == FOR))
    able = reasons.iloc[may_lead]
    named = zip(
        able["account_id"], able["account_id"].map(play_of), able["reason_code"], able["numbers_from"], strict=True
    )
    best: dict[str, tuple[int, int]] = {}
    for place, (account, play, code, names) in zip(may_lead.tolist(), named, strict=True):
        if code in plays.get(play, {}).get("reasons", ()):
            fit = ANSWERED if rests_on[play].isdisjoint(names.split(",")) else STATED
            if fit > best.get(account, (0, 0))[0]:
                best[account] = fit, place
    leads = np.zeros(len(reasons), dtype=bool)
    leads[[place for _, place in best.values()]] = True
    return leads
