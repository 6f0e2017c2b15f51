"""The signals of a published list, looked up in the source again."""

from data.contract.outputs import SIGNALS
from serving.published.read import PublishedList
from serving.published.signal_table import PastSignals, signals_of_list
from serving.verify.files_and_sums import Difference, Differences

KEY = list(SIGNALS.order)


def check_signals(listing: PublishedList, past: PastSignals) -> Differences:
    """The signals behind the reasons of a list against those derived again; an older list has none to check."""
    if not listing.has(SIGNALS.name):
        return
    published = listing.of_all(SIGNALS.name)
    both = published.merge(signals_of_list(listing, past), "outer", KEY, suffixes=("", " again"), indicator="found")
    stated = both["feature"] + "=" + both["value"].map(repr).astype("str")
    derived = both["feature again"] + "=" + both["value again"].map(repr).astype("str")
    differ = both[(stated != derived).to_numpy()].index
    for row, there, again in zip(both.loc[differ, KEY].itertuples(), stated[differ], derived[differ], strict=True):
        where = f"{SIGNALS.name}, {row.reason_code} on {row.day}"
        known = [value if isinstance(value, str) else "no row" for value in (there, again)]
        yield Difference(str(row.account_id), where, *known)
