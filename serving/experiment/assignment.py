"""Who is held out: drawn by a hash, once and for good.

What is drawn is a unit: a group of companies, or an account that is in none. On the first list of an experiment the
units are put in order by stratum (owner, and tenth of the base by propensity) and within it by hash, and a systematic
sample is taken along that order, which begins where a hash says: every unit has the same chance, the share is exact in
the base and within one unit of it in every book, and the same list gives the same draw on any machine. A unit that
comes later is held out where its own hash is below the share.
"""

import hashlib
from datetime import date

import numpy as np
import numpy.typing as npt
import pandas as pd

from data.contract.outputs import ASSIGNMENTS, NO_OWNER
from serving.settings import ExperimentSettings

DECILES = 10
_DIGITS = 16
READ = ("account_id", "group_id", "owner", "propensity", "arr")
"""What is read of ``scores``."""


def assign(
    scores: pd.DataFrame, experiment: ExperimentSettings, day: date, recorded: pd.DataFrame | None
) -> pd.DataFrame:
    """``assignments`` on a day: the rows ``recorded`` so far as they are, and a row for each account that is new.

    ``scores``: the columns ``READ`` of the whole base, in any order. ``recorded``: None where no list was published
    with this experiment, so that this is its first. The rows of other experiments are not carried on.
    """
    scores = scores[list(READ)].sort_values("account_id", ignore_index=True)
    units = _hashes(scores["group_id"].fillna(scores["account_id"]), experiment)
    deciles = _deciles(scores["propensity"].to_numpy(np.float64))
    here = scores.drop(columns="group_id").assign(
        snapshot_date=day, experiment=experiment.name, unit=units, assigned_on=day, decile=deciles
    )
    if recorded is None:
        held, kept = _at_the_start(here, experiment), here.iloc[:0]
    else:
        kept = recorded.assign(snapshot_date=day)
        here = here[~here["account_id"].isin(kept["account_id"])]
        known = kept.drop_duplicates("unit").set_index("unit")["held_out"]
        drawn = pd.Series(_places(here["unit"]) < experiment.held_out_share, index=here.index)
        held = here["unit"].map(known).astype("boolean").fillna(drawn).astype(bool)
    table = (
        pd.concat([kept, here.assign(held_out=held)], ignore_index=True) if len(kept) else here.assign(held_out=held)
    )
    return table.sort_values("account_id", ignore_index=True)[list(ASSIGNMENTS.names)]


def _at_the_start(accounts: pd.DataFrame, experiment: ExperimentSettings) -> pd.Series:
    """A systematic sample of the units along their strata; a group stands where its likeliest account does."""
    likeliest = accounts.sort_values(["propensity", "account_id"], ascending=[False, True], kind="stable")
    units = likeliest.drop_duplicates("unit")
    units = units.assign(owner=units["owner"].fillna(NO_OWNER)).sort_values(["owner", "decile", "unit"])
    # Where the sample begins is drawn too: else the first of the strata would never, or always, hold one out.
    begin = _places(pd.Series(_hashes(pd.Series([""]), experiment)))[0]
    steps = np.floor(np.arange(len(units) + 1) * experiment.held_out_share + begin)
    held = pd.Series(np.diff(steps) > 0, index=units["unit"])
    return accounts["unit"].map(held)


def _hashes(names: pd.Series, experiment: ExperimentSettings) -> list[str]:
    """The hash of each name with experiment and salt."""
    before = f"{experiment.name}\n{experiment.salt}\n"
    return [hashlib.sha256(f"{before}{name}".encode()).hexdigest()[:_DIGITS] for name in names]


def _places(units: pd.Series) -> npt.NDArray[np.float64]:
    """Hashes as numbers in [0, 1)."""
    return np.array([int(unit, 16) / 16**_DIGITS for unit in units], dtype=np.float64)


def _deciles(propensity: npt.NDArray[np.float64]) -> npt.NDArray[np.int64]:
    """1 for the tenth that is least likely; of equals the first in order."""
    places = np.argsort(np.argsort(propensity, kind="stable"), kind="stable")
    tenths: npt.NDArray[np.int64] = places * DECILES // max(len(places), 1) + 1
    return tenths
