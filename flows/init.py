"""``headroom init``: say what is recognised in a source, and write the settings file with the SQL that maps it."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from data.atomic import whole_file
from data.checks.report import many
from data.contract.inputs import TABLES
from data.errors import ContractError, SettingsError, SourceError, hint, some
from data.mappings.catalogue import ROLES, mappings
from data.mappings.compose import Composed, compose, own_tables, with_all_ids
from data.mappings.document import caveats, document
from data.mappings.recognise import Recognised, There, by_airbyte, lacking, recognised
from data.shown.urls import shown_url
from data.sources.address import Address
from data.sources.connect import open_warehouse
from data.sources.user_sql import IDS, first_row, with_account_ids
from data.sources.warehouse import Warehouse
from flows.run.progress import say
from flows.run.settings import DEFAULT_FILE, folder_of, from_here, load

ASKED = "Find the tools whose tables are in {url}."


def init(names: Sequence[str], config: Path | None, source: str | None, *, force: bool) -> Iterator[str]:
    """Write the settings file, whole or not at all; the lines that say what was recognised and decided.

    ``names`` are tools or mappings, the first of a role first; none: all that are recognised. Raises ``SettingsError``
    for a file that is there already (unless ``force``) and for an unknown name, ``ContractError`` where what is asked
    for is not in the source.
    """
    file = config or Path(DEFAULT_FILE)
    if file.exists() and not force:
        raise SettingsError(
            f"Write {file}.", "it is there already.", "Add --force to replace it, or give another file with --config."
        )
    _refuse_unknown(names)
    settings = load(None, source)
    address = replace(settings.address, mapped={})
    url = source or settings.source.url
    if folder_of(file) != settings.root:
        url = from_here(settings.source.url)  # where it was meant from here
    address.require()  # before it is told, for it may hold a password
    say(f"reading {shown_url(url)}")
    there = _columns(address)
    found = _chosen(names, there, url)
    composed = compose(found, there)
    composed = _filled(address, composed)
    linked = _linked(address, composed, found)
    text = document(url, found, composed)
    with whole_file(file, f"Write {file}.", "Give another file with --config, or make room and rights there.") as new:
        new.write_text(text, encoding="utf-8")
    return _lines(file, found, composed, linked, _landed_otherwise(there))


def _refuse_unknown(names: Sequence[str]) -> None:
    tools = {mapping.tool for mapping in mappings().values()}
    for name in names:
        if name not in {*tools, *mappings()}:
            raise SettingsError(
                f"Map the tables of {name}.",
                f"there is no ready-made mapping of that name{hint(name, [*tools, *mappings()])}.",
                f"Use of: {', '.join(sorted(tools))}.",
            )


def _columns(address: Address) -> There:
    warehouse = open_warehouse(address)
    try:
        if not (warehouse.takes_sql and warehouse.reads_mappings):
            raise SourceError(
                ASKED.format(url=address.shown),
                "the SQL of the ready-made mappings is not in the words of this kind of source.",
                "Use it on a folder, a DuckDB file or PostgreSQL, and rewrite its SQL under [source.tables].",
            )
        return warehouse.columns()
    finally:
        warehouse.engine.close()


def _chosen(names: Sequence[str], there: There, url: str) -> list[Recognised]:
    """The tools asked for, in that order; without names all that are recognised, billing first."""
    asked = ASKED.format(url=shown_url(url))
    all_found = recognised(there, {name for name in names if name in mappings()})
    if not names:
        found = sorted(all_found, key=lambda tool: ROLES.index(tool.mapping.role))
        if not found and not own_tables(there):
            tables = some(sorted(f"{schema}.{name}" if schema else name for schema, name in there), 20)
            raise ContractError(
                asked,
                f"no tool is recognised. There: {tables or 'nothing'}.{_landed_otherwise(there)}",
                "Name a tool with --from to see what is missing, or write the SQL of each table under [source.tables].",
            )
        return found
    by_name = {name: tool for tool in all_found for name in (tool.mapping.tool, tool.mapping.name)}
    missing = [name for name in names if name not in by_name]
    if missing:
        lacks = "; ".join(f"{name}: no {_lacking(name, there)}" for name in missing)
        raise ContractError(
            asked,
            f"{lacks}.{_landed_otherwise(there)}",
            f"Land them with {_loaders(missing)}, name the tools that are there, or write the SQL of each table under "
            "[source.tables].",
        )
    return list({by_name[name].mapping.tool: by_name[name] for name in names}.values())


def _landed_otherwise(there: There) -> str:
    """A sentence on the tables of a loader whose names and columns no mapping reads, or nothing."""
    landed = by_airbyte(there)
    if not landed:
        return ""
    of_contract = [name for name in landed if name.rpartition(".")[2].lower() in TABLES]
    ignored = ", ".join(f'"{name.rpartition(".")[2]}"' for name in of_contract)
    leave_out = (
        f" What it calls like a table of the contract is read as one until [source] ignore = [{ignored}] leaves it out."
    )
    return (
        f" {many(len(landed), 'table')} of Airbyte ({some(landed)}): its names and columns are others than those of "
        f"the loaders that mappings are made for ({_loaders()}).{leave_out if of_contract else ''}"
    )


def _loaders(names: Sequence[str] = ()) -> str:
    """The loaders that the mappings of these tools, or of all, are made for."""
    of = [mapping for mapping in mappings().values() if not names or {mapping.tool, mapping.name} & {*names}]
    return ", ".join(sorted({mapping.loader for mapping in of}))


def _lacking(name: str, there: There) -> str:
    """What is missing of the mapping of that name that comes nearest."""
    of = [mapping for mapping in mappings().values() if name in (mapping.tool, mapping.name)]
    return min((lacking(mapping, there) for mapping in of), key=len)


def _filled(address: Address, composed: Composed) -> Composed:
    """Without the tables that have no row: an empty table looks like a feed that was lost. Every query is run once."""
    queries = with_account_ids(composed.queries)
    warehouse = open_warehouse(replace(address, mapped=queries))
    try:
        empty = [name for name, sql in queries.items() if not _rows(warehouse, name, first_row(sql))]
    finally:
        warehouse.engine.close()
    return composed.without(empty) if empty else composed


def _linked(address: Address, composed: Composed, found: Sequence[Recognised]) -> dict[str, tuple[int, int]]:
    """How many ids of each tool belong to an account, and how many there are."""
    if IDS not in composed.queries:
        return {}
    sql = with_all_ids(composed.queries[IDS], found)
    warehouse = open_warehouse(replace(address, mapped={IDS: sql}))
    try:
        ids = warehouse.query(IDS, sql)
        counts = ids.group_by("system").aggregate(linked=ids.account_id.count(), there=ids.id.nunique()).to_pandas()
    finally:
        warehouse.engine.close()
    of = {row.system: (int(row.linked), int(row.there)) for row in counts.itertuples()}
    return {tool.mapping.tool: of.get(tool.mapping.tool, (0, 0)) for tool in found}


def _rows(warehouse: Warehouse, name: str, sql: str) -> int:
    return int(warehouse.query(name, sql).count().to_pandas())


def _lines(
    file: Path,
    found: Sequence[Recognised],
    composed: Composed,
    linked: dict[str, tuple[int, int]],
    landed_otherwise: str,
) -> Iterator[str]:
    for tool in found:
        place = f" in {tool.where}" if tool.where else ""
        yield f"{tool.mapping.title}{place}: {', '.join(tool.gives)}"
    for name, tools in composed.givers.items():
        yield f"{name:<14} from {' and '.join(tool.mapping.title for tool in tools)}"
    yield from composed.decided
    for name, (ids, there) in linked.items():
        yield f"{name}: {ids:,} of {many(there, 'id')} belong to a billed account"
    yield from (f"not safe: {text}" for text in caveats(composed))
    if landed_otherwise:
        yield f"not read:{landed_otherwise}"
    yield f"written: {file}. Next: headroom check, headroom train, headroom score"
