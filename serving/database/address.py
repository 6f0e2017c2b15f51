"""The address of the database that lists are published to.

A password comes from the environment (``PGPASSWORD`` or libpq's password file), never from a URL that logs and
manifests would repeat.
"""

from dataclasses import dataclass

from data.errors import PublishError
from data.shown.urls import holds_secret, is_readable, shown_url
from data.sources.kinds.postgres_url import postgres_place

SCHEMES = ("postgres", "postgresql")
FORM = "postgres://USER@HOST:PORT/DATABASE/SCHEMA"
DEFAULT_SCHEMA = "headroom"


@dataclass(frozen=True)
class DatabaseAddress:
    """A schema of a PostgreSQL database, as the user named it; without a schema it is ``headroom``."""

    url: str

    @property
    def shown(self) -> str:
        """As messages name it."""
        return shown_url(self.url)

    @property
    def schema(self) -> str:
        return postgres_place(self.url).schema or DEFAULT_SCHEMA

    def require(self) -> None:
        """Raise ``PublishError`` for what is no such address, and for a password in it, which messages would repeat."""
        scheme, separator, _ = self.url.partition("://")
        asked = f"Publish to {scheme if separator else ''}://...."
        if scheme not in SCHEMES or not is_readable(self.url):
            raise PublishError(asked, "that is no address of a PostgreSQL database.", f"Write it as {FORM}.")
        if holds_secret(self.url):
            raise PublishError(
                asked,
                "its URL holds a password, which messages and manifests would repeat.",
                "Leave it out of the URL and set it in PGPASSWORD, or in a .pgpass file.",
            )
