"""Slices of accounts: the parts of the base that figures are told of, each account in one of each dimension.

Sums over slices are products with a matrix of ones, in whole numbers, so that the slices of a dimension add up to the
whole exactly and all of them are summed at once.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.sparse import csr_array

WHOLE = "all"
"""The dimension of one slice, and the name of that slice: every account."""
ACCOUNTS_AT_ONCE = 20_000
DIMENSIONS = ("segment", "plan", "region", "owner", "acquisition_quarter")


@dataclass(frozen=True)
class Slices:
    """``names``: one row per slice, ``dimension`` and ``slice`` (null: not known of its accounts).

    ``members``: slices by accounts, 1 where the account is in the slice.
    """

    names: pd.DataFrame
    members: csr_array

    def sums(self, by_account: np.ndarray | csr_array) -> np.ndarray:
        """The sums over the accounts of each slice, by the columns of ``by_account``, which are whole numbers."""
        summed = self.members @ by_account
        return summed.toarray() if isinstance(summed, csr_array) else np.asarray(summed)

    def sums_of(self, measure: Callable[[slice], Mapping[str, np.ndarray]]) -> dict[str, np.ndarray]:
        """The sums of what is measured of each account, some accounts at a time, so that little of it is held."""
        total: dict[str, np.ndarray] = {}
        for start in range(0, self.members.shape[1], ACCOUNTS_AT_ONCE):
            some = slice(start, start + ACCOUNTS_AT_ONCE)
            of_some = Slices(self.names, self.members[:, some])
            for name, values in measure(some).items():
                total[name] = total.get(name, 0) + of_some.sums(values)
        return total

    def table(self, months: np.ndarray, **values: np.ndarray) -> pd.DataFrame:
        """One row per slice and month: the names, ``month`` and the values, each of them slices by months."""
        count = len(self.names)
        table = self.names.loc[self.names.index.repeat(len(months))].reset_index(drop=True)
        table["month"] = np.tile(months, count)
        return table.assign(**{name: value.reshape(-1) for name, value in values.items()})


def slices_of(accounts: pd.DataFrame, dimensions: tuple[str, ...] = DIMENSIONS) -> Slices:
    """The slices of the ``accounts`` of ``AccountMoves``: the whole first, then each dimension by name."""
    count = len(accounts)
    names, places = [pd.DataFrame({"dimension": [WHOLE], "slice": [WHOLE]})], [np.zeros(count, "int64")]
    begin = 1
    for dimension in dimensions:
        codes, labels = pd.factorize(accounts[dimension], sort=True, use_na_sentinel=True)
        codes = np.where(codes < 0, len(labels), codes)
        told: list[str | None] = [_name(label) for label in labels]
        if (codes == len(labels)).any():
            told.append(None)
        names.append(pd.DataFrame({"dimension": dimension, "slice": pd.Series(told, dtype="str")}))
        places.append(begin + codes)
        begin += len(told)
    rows = np.concatenate(places)
    ones = np.ones(len(rows), "int64")
    members = csr_array((ones, (rows, np.tile(np.arange(count), len(places)))), shape=(begin, count))
    return Slices(pd.concat(names, ignore_index=True), members)


def of_slice(table: pd.DataFrame, dimension: str = WHOLE, name: str | None = WHOLE) -> pd.DataFrame:
    """The rows of one slice of a table of the figures, of every account if none is named; None: it is not known."""
    is_it = table["slice"].isna() if name is None else table["slice"] == name
    return table[(table["dimension"] == dimension) & is_it]


def _name(label: str | pd.Timestamp) -> str:
    """A slice as people write it; a quarter by its first day: 2026 Q3."""
    return f"{label.year} Q{label.quarter}" if isinstance(label, pd.Timestamp) else label
