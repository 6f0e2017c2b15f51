"""An account is taken out of the lists that were published to a database."""

from collections.abc import Iterator, Mapping
from datetime import date
from pathlib import Path
from typing import Any

from data.contract.outputs import TABLES
from data.erasure.places import Holding, Subject, present
from serving.database.address import DatabaseAddress
from serving.database.load import publish_to_database
from serving.database.snapshots import Left, days_of_tables, days_with, rows_of_account, take_out
from serving.privacy.told import MENTIONED, told_of_erasure
from serving.publish import only_publisher
from serving.published.layout import published_dates
from serving.published.read import open_list


class DatabasePlace:
    """The snapshots of the schema at an address. ``out``: the folder of the same lists, out of which it goes first."""

    name = "database of lists"

    def __init__(self, address: DatabaseAddress, out: Path) -> None:
        self._address, self._out = address, out

    def holdings(self) -> Iterator[Holding]:
        """One for each table, over all snapshots."""
        for name, there in days_of_tables(self._address).items():
            yield Holding(self.name, name, TABLES[name].personal, there.rows, 1, there.first, there.last)

    def found(self, subject: Subject) -> dict[str, int]:
        """Its rows in all snapshots, by table, and those of others that name it."""
        if not subject.is_account:
            return {}
        own, of_others = rows_of_account(self._address, subject.id)
        return present(own | {MENTIONED: of_others})

    def erase(self, subject: Subject, day: date) -> dict[str, int]:
        """Publish the lists again that it was erased from, and take it out of the snapshots that have no files."""
        counts = self.found(subject)
        if counts:
            with only_publisher(self._out, asked=f"Erase an account from {self._address.shown}."):
                for of in {*days_with(self._address, subject.id)} & {*published_dates(self._out)}:
                    publish_to_database(self._address, open_list(self._out, of))

                def retold(manifest: Mapping[str, Any], left: Left) -> Mapping[str, Any]:
                    return told_of_erasure(manifest, left, day)

                take_out(self._address, subject.id, retold)
        return counts
