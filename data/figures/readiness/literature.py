"""What is published of the signals that a table brings."""

from collections.abc import Mapping

from data.figures.benchmarks import PRACTICE

LITERATURE: Mapping[str, tuple[str, str]] = {
    "users": ("seats above 80% in use: 40% to 60% of such conversations are won", PRACTICE),
    "plan_features": ("near a limit: 30% to 45% of upsells are won, 15% to 20% of those by the calendar", PRACTICE),
    "crm_events": ("first value within 30 days: 2.3 times the expansion of a year", PRACTICE),
}
"""What is published of the signals of a table: the figure, and its source with the year. Of others nothing is known."""
