"""The ready-made mappings. A mapping is a folder beside this module, and nothing else knows of it.

    TOOL_LOADER/mapping.toml    what it is recognised by, what it gives, its traps, what its times are worth
    TOOL_LOADER/TABLE.sql       one SELECT for each contract table, on the tables by their names in ``mapping.toml``
    TOOL_LOADER/_NAME.sql       a SELECT that several of them read as NAME
    TOOL_LOADER/links.sql       what an id of the tool has in common with other tools: ``id``, ``kind``, ``value``

In its SQL ``account_id`` is the tool's own id, and every column has the type that ``mapping.toml`` says, whatever it
was landed as; a table or column that is optional and not there is empty. So one SQL runs on every engine.

``links.sql`` has a row of kind ``self`` for each id; other kinds are ``any`` (an id in some tool), ``domain``, and the
name of a tool whose id it is.
"""

import tomllib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from data.contract.inputs import TABLES

FOLDER = Path(__file__).parent
LINKS = "links"
ROLES = ("billing", "crm", "support", "product")
"""What a tool is to its owner: who is billed, who is sold to, who asks, who uses."""


class Landed(BaseModel):
    """A column as the mapping's SQL sees it: its ``type``, and ``name``, what it is called where it was landed.

    An ``epoch`` is landed as seconds since 1970, a ``moment`` as these or as a timestamp.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    type: Literal["text", "timestamp", "epoch", "moment", "date", "boolean", "number"]
    name: str


def _columns(value: object) -> object:
    """``{"created" = "timestamp created_at"}``: the type, and the landed name where it is another."""
    if not isinstance(value, Mapping):
        return value
    words = {name: [*str(text).split(), name][:2] for name, text in value.items()}
    return {name: {"type": kind, "name": landed} for name, (kind, landed) in words.items()}


Columns = Annotated[dict[str, Landed], BeforeValidator(_columns)]


class LandingTable(BaseModel):
    """A table of a loader. ``names``: what it may be called; ``columns`` it must have, ``optional`` ones it may."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    names: tuple[str, ...] = ()
    columns: Columns
    optional: Columns = Field(default_factory=dict)
    may_lack: bool = False


class Given(BaseModel):
    """A contract table that a mapping gives.

    ``needs``: optional landing tables without which it is not given. ``drop``: columns of it that are left out where
    none of these landing tables or columns (``table.column``) is there.
    ``known_at`` says what the time of knowing is worth. It is not safe without a landing table or column that
    ``caveats`` names, and then every report says so.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    known_at: str
    caveats: dict[str, str] = Field(default_factory=dict)
    needs: tuple[str, ...] = ()
    drop: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    traps: tuple[str, ...] = ()


class ReadyMapping(BaseModel):
    """One folder. ``sql_of`` names another whose SQL it shares; ``unsure`` says what was not seen in a real account."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    title: str
    tool: str = Field(pattern=r"^[a-z][a-z0-9]*$")
    loader: str
    role: Literal["billing", "crm", "support", "product"]
    sql_of: str | None = None
    unsure: tuple[str, ...] = ()
    tables: dict[str, LandingTable]
    gives: dict[str, Given]

    def sql(self, table: str) -> str:
        """The SELECT for a contract table, or ``links``."""
        return self._file(table).read_text(encoding="utf-8").strip()

    def part(self, name: str) -> str | None:
        """The SELECT of that name which several of its tables read, or tables of several mappings; None without one."""
        own, shared = self._file(f"_{name}"), FOLDER / f"_{name}.sql"
        path = own if own.is_file() else shared
        return path.read_text(encoding="utf-8").strip() if path.is_file() else None

    def _file(self, name: str) -> Path:
        own = FOLDER / self.name / f"{name}.sql"
        return own if own.is_file() else FOLDER / (self.sql_of or self.name) / f"{name}.sql"


@cache
def mappings() -> dict[str, ReadyMapping]:
    """Every mapping by the name of its folder."""
    return {path.parent.name: _read(path) for path in sorted(FOLDER.glob("*/mapping.toml"))}


def _read(path: Path) -> ReadyMapping:
    values: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8"))
    mapping = ReadyMapping(name=path.parent.name, **values)
    unknown = set(mapping.gives) - set(TABLES)
    assert not unknown, f"{path} gives what the contract has not: {unknown}"
    return mapping
