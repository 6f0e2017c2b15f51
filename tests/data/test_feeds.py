"""Feeds: late by their own rhythm, by what was known on the day."""

from datetime import date, timedelta

import pytest

from data.feeds.feeds import Feeds
from tests.drawn import base

END = date(2026, 6, 30)


def tickets(days: list[date], known_at: dict[date, date] | None = None) -> Feeds:
    known = known_at or {}
    rows = "".join(f"\nt{n} | acme | {day} | {known.get(day, day)}" for n, day in enumerate(days))
    return Feeds(base(tickets=f"ticket_id | account_id | opened_at | known_at{rows}"))


def every(gap: int, count: int = 30) -> list[date]:
    """So many days, the last of which is the 30th of June."""
    return [END - timedelta(days=gap * back) for back in reversed(range(count))]


@pytest.mark.parametrize(
    ("gap", "days_without", "is_late"),
    [
        (1, 2, False),  # every day: late after two of its gaps
        (1, 3, True),
        (1, 10, True),
        (7, 14, False),
        (7, 15, True),
        (30, 60, False),
        (30, 61, True),
    ],
)
def test_a_feed_is_late_after_two_of_its_own_gaps(gap: int, days_without: int, is_late: bool) -> None:
    silent = tickets(every(gap, 12)).silent(END + timedelta(days=days_without + 1))
    assert set(silent) == ({"tickets"} if is_late else set())
    if is_late:
        late = silent["tickets"]
        assert (late.last_day, late.days, late.usual_gap) == (END, days_without, gap)


def test_weekends_and_one_holiday_are_in_its_rhythm() -> None:
    year = [END - timedelta(days=back) for back in reversed(range(365))]
    worked = [day for day in year if day.weekday() < 5 and not date(2025, 12, 24) <= day <= date(2026, 1, 2)]
    feed = tickets(worked)  # the last is a Tuesday; three days from Friday to Monday
    assert feed.silent(END + timedelta(days=7)) == {}  # six days without
    assert feed.silent(END + timedelta(days=8))["tickets"].usual_gap == 3
    assert not [day for day in year[60:] if day.month != 1 and day > date(2026, 1, 9) and feed.silent(day)]


@pytest.mark.parametrize(
    ("closed_in_2024", "is_silent"),
    [
        (("2024-12-24", "2025-01-03"), False),  # eleven days: no row until the 5th of January is no news
        (("2024-12-20", "2024-12-30"), False),  # begun four days earlier
        (("2024-12-27", "2024-12-31"), True),  # five days are a shorter one
        (("2024-12-02", "2024-12-13"), True),  # another time of the year
    ],
)
def test_a_holiday_of_every_year_is_no_outage(closed_in_2024: tuple[str, str], is_silent: bool) -> None:
    """The last row is of the 23rd of December 2025."""
    last = date(2025, 12, 23)
    closed = [date.fromisoformat(day) for day in closed_in_2024]
    days = [last - timedelta(days=back) for back in reversed(range(500))]
    feed = tickets([day for day in days if not closed[0] <= day <= closed[1]])
    assert bool(feed.silent(date(2026, 1, 3))) == is_silent  # ten days without
    assert feed.silent(date(2026, 1, 5))["tickets"].days == 12  # longer than it was


def test_what_was_not_known_on_the_day_was_silent_on_it() -> None:
    days = every(1)
    late = {day: date(2026, 7, 20) for day in days[-5:]}  # an outage of five days, loaded afterwards
    feed = tickets(days, late)
    assert feed.silent(END + timedelta(days=1))["tickets"].last_day == END - timedelta(days=5)
    assert feed.silent(date(2026, 7, 21))["tickets"].last_day == END  # by then it is silent for other reasons


def test_too_few_days_tell_no_rhythm() -> None:
    assert tickets(every(1, 9)).silent(END + timedelta(days=200)) == {}
    assert set(tickets(every(1, 10)).silent(END + timedelta(days=200))) == {"tickets"}


def test_a_feed_that_stopped_years_ago_is_still_silent() -> None:
    assert tickets(every(1)).silent(END + timedelta(days=900))["tickets"].days == 899


def test_plays_and_new_accounts_are_no_feeds() -> None:
    drawn = "\n".join(f"a{n} | acme | 2026-01-{n + 1:02}" for n in range(20))
    feeds = Feeds(base(accounts=f"account_id | name | created_at\n{drawn}"))
    assert feeds.silent(END) == {}


def test_longer_than_the_settings_allow() -> None:
    daily, monthly = (tickets(every(gap, 12)).silent(END + timedelta(days=101))["tickets"] for gap in (1, 30))
    assert daily.is_longer_than(28)
    assert not monthly.is_longer_than(28)  # 100 days are no four of its months


def test_outcomes_and_successions_are_no_feeds() -> None:
    drawn = "\n".join(f"o{n} | acme | seat | won | {END - timedelta(days=n)}" for n in range(20))
    feeds = Feeds(base(outcomes=f"outcome_id | account_id | motion | status | opened_at\n{drawn}"))
    assert feeds.silent(END + timedelta(days=300)) == {}
