"""A row of a message: one account, with its link, its likelihood, its play, one reason and what is not known of it."""

from dataclasses import dataclass

from serving.messages.message import LONGEST_URL, MessageRow, name_of, sentence_of
from serving.reasons.formats import say_day, say_propensity
from serving.render.entries import Entry, best_reasons
from serving.web.query import account_address


@dataclass(frozen=True)
class Links:
    """Where accounts have a page. ``pages_url``: as ``https://headroom.example.com``; None where none are served."""

    pages_url: str | None = None

    def to(self, account_id: str) -> str | None:
        """The address of an account's page; None where there is none, or it is too long to be sent."""
        address = None if self.pages_url is None else f"{self.pages_url}{account_address(account_id)}"
        return None if address is None or len(address) > LONGEST_URL else address

    @property
    def to_list(self) -> str | None:
        """The address of the list."""
        return None if self.pages_url is None else f"{self.pages_url}/"

    @property
    def to_monitoring(self) -> str | None:
        """The address of the page of monitoring."""
        return None if self.pages_url is None else f"{self.pages_url}/monitoring"


def row_of(entry: Entry, links: Links, *, was: float | None = None, by: str = "") -> MessageRow:
    """A ranked account. ``was``: its propensity before, where that is told; ``by``: what is said of the day to act by,
    where that is past.
    """
    likely = f"{say_propensity(entry.propensity)} likely"
    likely += "" if was is None else f", up from {say_propensity(was)}"
    by = by or f"act by {say_day(entry.act_by)}"
    reason = next((why.text for why in best_reasons(entry, 1)), "")
    said = " \N{MIDDLE DOT} ".join([likely, name_of(entry.play), by])
    note = sentence_of(entry.not_judged)
    return MessageRow(name_of(entry.name), links.to(entry.account_id), said, sentence_of(reason), note=note)
