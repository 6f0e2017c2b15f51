"""What stopped from one day to the next while the rest went on, by how much came on each day.

What winds down, keeps a holiday of everybody's or comes once a month has not stopped: its last week was like those
before it, the rest goes on meanwhile, and it is quiet for longer than twice its own longest pause.
"""

import numpy as np
import numpy.typing as npt

from data.feeds.rhythm import LATE_GAPS

Counts = npt.NDArray[np.float64]
WEEK_DAYS, MONTH_DAYS = 7, 28
LONGEST_DAYS = 56
"""What has been quiet for longer is taken for given up."""
WINDOW_DAYS = LONGEST_DAYS + MONTH_DAYS + WEEK_DAYS
"""So many days are looked at."""
SHORTEST_DAYS = LATE_GAPS + 1
GOES_ON = 0.5
"""In its last week at least so much of what was usual came of what stopped."""
FEWEST_ROWS = 20
"""What would have come meanwhile, at least: fewer may be missing by chance."""
QUIET = 0.2
"""Of an average day: a day with no more is a quiet one."""


def days_stopped(counts: Counts, all_rows: Counts, left: float, rest_goes_on: float) -> npt.NDArray[np.int64]:
    """For how many days each has been quiet, up to the last day; 0 for what has not stopped.

    ``counts``: one row for each, with its count on each of ``WINDOW_DAYS`` days, the latest last; ``all_rows``: the
    same days of everything together. ``left``: of what was usual so much may come still; ``rest_goes_on``: so much of
    the rest comes meanwhile, at least.
    """
    stopped = np.zeros(len(counts), np.int64)
    for silent in range(LONGEST_DAYS, SHORTEST_DAYS - 1, -1):
        maybe = np.flatnonzero((stopped == 0) & (counts[:, -MONTH_DAYS - silent : -silent].sum(axis=1) > 0))
        stopped[maybe[_has_stopped(counts[maybe], all_rows, silent, left, rest_goes_on)]] = silent
    return stopped


def _has_stopped(
    counts: Counts, all_rows: Counts, silent: int, left: float, rest_goes_on: float
) -> npt.NDArray[np.bool_]:
    """Which of them stopped so many days ago."""
    before, since = counts[:, :-silent], counts[:, -silent:]
    rest, usual_rest = (all_rows[-silent:] - since).sum(axis=1), usual(all_rows[:-silent] - before, silent)
    expected = usual(before, silent) * np.minimum(1, rest / np.maximum(usual_rest, 1))
    average = before[:, -MONTH_DAYS:].mean(axis=1)
    earlier = before[:, -MONTH_DAYS - WEEK_DAYS : -WEEK_DAYS].sum(axis=1) * WEEK_DAYS / MONTH_DAYS
    has = (since <= (QUIET if left else 0) * average[:, None]).all(axis=1)
    has &= (since.sum(axis=1) <= left * expected) & (expected >= FEWEST_ROWS)
    has &= (usual_rest > 0) & (rest >= rest_goes_on * usual_rest)
    has &= before[:, -WEEK_DAYS:].sum(axis=1) >= GOES_ON * earlier
    has[has] = silent > LATE_GAPS * longest_pause(before[has], average[has])
    return has


def usual(before: Counts, days: int) -> Counts:
    """How much comes in so many days after those of ``before``, by the weekdays of the last four weeks."""
    weekdays = before[:, -MONTH_DAYS:].reshape(len(before), MONTH_DAYS // WEEK_DAYS, WEEK_DAYS).mean(axis=1)
    whole: Counts = weekdays[:, np.arange(days) % WEEK_DAYS].sum(axis=1)
    return whole


def longest_pause(before: Counts, average: Counts) -> npt.NDArray[np.int64]:
    """The longest time, in days, from one day with something to the next."""
    longest = run = np.ones(len(before), np.int64)
    for column in before.T:
        run = np.where(column <= QUIET * average, run + 1, 1)
        longest = np.maximum(longest, run)
    return longest
