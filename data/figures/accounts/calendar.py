"""Months and quarters of the calendar, as NumPy counts them; a month is told by its first day."""

from datetime import date

import numpy as np

QUARTER_MONTHS, YEAR_MONTHS = 3, 12
WINDOWS = (1, YEAR_MONTHS)
"""The months of which rates are told: one, and the year that ends with it."""


def month_of(days: np.ndarray) -> np.ndarray:
    """The months of days, as whole numbers: 0 is January 1970."""
    return days.astype("datetime64[M]").astype("int64")


def first_days(months: np.ndarray) -> np.ndarray:
    """The first days of months that are whole numbers."""
    return months.astype("datetime64[M]").astype("datetime64[D]")


def first_of_quarter(days: np.ndarray) -> np.ndarray:
    """The first days of the quarters that the days are in."""
    months = month_of(days)
    return first_days(months - months % QUARTER_MONTHS)


def whole_months(days: np.ndarray, day: date, count: int) -> np.ndarray:
    """The last ``count`` months that are over on ``day``, oldest first, none before the first that has one of ``days``.

    Without such days there are none.
    """
    end = month_of(np.array([day], "datetime64[D]"))[0]
    first = month_of(days).min(initial=end)
    return np.arange(max(first, end - count), end)
