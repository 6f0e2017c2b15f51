"""Where the store is, as the user names it: a SQLite file, or a schema of a PostgreSQL database."""

from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import URL

from data.errors import OutcomeError
from data.shown.urls import holds_secret, is_readable, shown_url
from data.sources.kinds.postgres_url import postgres_place

FILE = "sqlite"
SERVERS = ("postgres", "postgresql")
PLACES = ("sqlite:///FILE", "postgres://USER@HOST/DATABASE/SCHEMA")
"""How a store is written."""


@dataclass(frozen=True)
class StoreAddress:
    """A store as the user named it; a relative path starts at ``root``, and a bare path is a SQLite file."""

    url: str
    root: Path

    @property
    def path(self) -> Path | None:
        """The SQLite file; None where it is a server."""
        scheme, separator, place = self.url.partition("://")
        if separator and scheme != FILE:
            return None
        return (self.root / Path(place.removeprefix("/") if separator else self.url).expanduser()).resolve()

    @property
    def shown(self) -> str:
        """As messages name it: the path of a file, or the address of a server, in which no password stands."""
        return shown_url(self.url if self.path is None else str(self.path))

    @property
    def schema(self) -> str:
        """The schema of a PostgreSQL database."""
        return postgres_place(self.url).schema or "public"

    def require(self) -> None:
        """Raise ``OutcomeError`` for what is no store, and for a password in the URL, which messages would repeat."""
        scheme, separator, _ = self.url.partition("://")
        asked = f"Open the store of outcomes {scheme}://...." if separator else "Open the store of outcomes."
        if separator and scheme not in (FILE, *SERVERS):
            raise OutcomeError(
                asked, f"{scheme}:// is no kind of store.", f"Set `url` under [outcomes] to {' or '.join(PLACES)}."
            )
        if scheme in SERVERS and not is_readable(self.url):
            raise OutcomeError(asked, "its host or its port cannot be read.", f"Write it as {PLACES[1]}.")
        if holds_secret(self.url, is_path=scheme not in SERVERS):
            raise OutcomeError(
                asked,
                "its URL holds a password, which messages and manifests would repeat.",
                "Leave it out of the URL and set it in PGPASSWORD, or in a .pgpass file.",
            )
        if self.path is not None and (not self.path.name or self.path.is_dir()):
            raise OutcomeError(asked, f"{self.path} is a folder.", "Name a file in it.")

    def for_sqlalchemy(self) -> URL:
        """As SQLAlchemy is told; a password comes from the environment."""
        if self.path is not None:
            return URL.create("sqlite", database=str(self.path))
        place = postgres_place(self.url)
        return URL.create(
            "postgresql+psycopg",
            username=place.user,
            host=place.host,
            port=place.port,
            database=place.database,
            query=place.options,
        )
