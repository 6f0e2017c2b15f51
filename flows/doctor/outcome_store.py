"""The store of outcomes: can it be reached, and has it the tables of this release?"""

from collections.abc import Iterator

from flows.doctor.diagnosis import Diagnosis, examination, look, ok
from flows.run.settings import Settings
from serving.store.address import StoreAddress
from serving.store.outcomes import in_our_words, is_there
from serving.store.schema import engine_of
from serving.store.upgrade import is_current


@examination("outcomes")
def outcomes(settings: Settings) -> Iterator[Diagnosis]:
    """Where it is kept what CSMs did; its tables are made and upgraded by whoever writes to it first."""
    address = StoreAddress(settings.outcomes_url, settings.root)
    address.require()
    if not is_there(settings.outcomes_url, settings.root):
        yield ok(f"nothing has been recorded in {address.shown}")
        return
    engine = engine_of(address)
    try:
        with in_our_words(f"Look at {address.shown}."):
            current = is_current(engine, address)
    finally:
        engine.dispose()
    if current:
        yield ok(f"{address.shown} has the tables of this release")
    else:
        yield look(
            f"{address.shown} has the tables of an earlier release",
            "Make a copy of it: the next command that writes to it upgrades them.",
        )
