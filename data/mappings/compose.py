"""Several tools together: which of them gives which table, and the SQL that says which account each id is.

The billing tool says who is a customer; with a CRM beside it the account is the CRM's, so that a company that pays
twice is one account. Every other tool's ids are looked up in ``account_ids``.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from string import Template
from textwrap import indent

from data.contract.inputs import TABLES
from data.errors import ContractError
from data.mappings.catalogue import FOLDER, LINKS
from data.mappings.queries import columns_of, of_tool
from data.mappings.recognise import Recognised, There
from data.sources.user_sql import IDS

OWN = "own"
"""The system of the ids of tables that already have the contract's shape."""
OWN_LINKS = """select 'own' as system, id, kind, id as value
from (select distinct account_id as id from {table}) as own_account
cross join (select 'self' as kind union all select 'any') as own_kind"""
ADDED_UP = ("crm_events", "tickets")
"""What two tools tell of these are different facts: both count. Of any other table two would count the same twice."""
USAGE = ("usage_events", "usage_daily", "users")
"""Use and users come from one tool: the same click must not count twice."""
BILLS = ("subscriptions", "invoices", "plans", "plan_features")
"""Lines and bills come from one tool: the same contract must not count twice."""
OF_MANY = (
    "gmail.com", "googlemail.com", "outlook.com", "hotmail.com", "live.com", "yahoo.com", "icloud.com", "aol.com",
    "gmx.de", "gmx.net", "web.de", "proton.me", "protonmail.com", "freemail.example",
)  # fmt: skip
"""Domains that say nothing about the company."""
VERSIONS = {"dbt_valid_from", "_fivetran_start"}
"""A table with one of these columns has a row for each version of a row."""
SEPARATOR, NEXT_TABLE = ",\n    ", ",\n"


@dataclass(frozen=True)
class Composed:
    """The SQL of each contract table, by whom it is given, and what was decided between tools, in words."""

    queries: dict[str, str]
    givers: dict[str, list[Recognised]]
    own: tuple[str, ...] = ()
    decided: list[str] = field(default_factory=list)

    def without(self, names: Collection[str]) -> "Composed":
        """The same without some tables. Raises ``ContractError`` if nothing is left that says what customers pay."""
        queries = {name: sql for name, sql in self.queries.items() if name not in names}
        givers = {name: tools for name, tools in self.givers.items() if name not in names}
        _require_lines(givers, self.own, [tool for tools in self.givers.values() for tool in tools])
        return Composed(queries, givers, self.own, [*self.decided, *(f"{name}: no row; left out." for name in names)])


def compose(found: Sequence[Recognised], there: There) -> Composed:
    """The queries of some tools together; the first of a role comes first. Raises ``ContractError`` without lines."""
    own = own_tables(there)
    decided = [f"{name} is there in the contract's own shape: it is read as it is." for name in own]
    givers: dict[str, list[Recognised]] = {}
    for name in TABLES:
        if name not in own:
            giving = [tool for tool in found if name in tool.gives]
            chosen, why = _chosen(name, giving, found, own)
            decided += why
            if chosen:
                givers[name] = chosen
    _require_lines(givers, own, found)
    spine = _spine(givers)
    queries: dict[str, str] = {}
    if IDS not in own and (len(found) > 1 if spine else found):
        queries[IDS] = account_ids(spine, _crm(found, spine), found, own)
        decided += _of_ids(spine, _crm(found, spine), own)
    for name, tools in givers.items():
        has_ids = IDS in queries or IDS in own
        queries[name] = _accounts(tools, has_ids) if name == "accounts" else _all_of(name, tools, has_ids)
    order = [IDS, *TABLES]
    return Composed(
        {name: queries[name] for name in order if name in queries}, givers, own, list(dict.fromkeys(decided))
    )


def own_tables(there: There) -> tuple[str, ...]:
    """The contract tables that are there under their own names, with all that they need, a row for each of theirs."""
    return tuple(
        name
        for name, table in TABLES.items()
        if {*table.required_columns} <= (columns := {*there.get((None, name), ())}) and columns.isdisjoint(VERSIONS)
    )


def _chosen(
    name: str, giving: list[Recognised], found: Sequence[Recognised], own: tuple[str, ...]
) -> tuple[list[Recognised], list[str]]:
    """Who gives a table, and what was decided about it."""
    if not giving:
        return [], []
    if name in ADDED_UP or name == "accounts":
        order = sorted(giving, key=_crm_first) if name == "accounts" else giving
        how = (
            "the first that says something wins, the CRM before the payer"
            if name == "accounts"
            else "they are added up"
        )
        return giving, [f"{name}: {_titles(order)}: {how}."] if len(giving) > 1 else []
    group = USAGE if name in USAGE else BILLS if name in BILLS else (name,)
    kind = "use and users" if group is USAGE else "lines and bills" if group is BILLS else name
    if set(group) & set(own) & {*USAGE[:2], *BILLS[:2]}:
        return [], [f"{name} of {_titles(giving)} is left out: {kind} come from the tables in the contract's shape."]
    first = next((tool for tool in found if {*group[:2]} & {*tool.gives}), giving[0])
    others = [tool for tool in giving if tool is not first]
    why = [
        f"{name}: {first.mapping.title} wins over {_titles(others)}, for it was named or found first; "
        "both would count the same twice."
    ] if others else []  # fmt: skip
    return [tool for tool in giving if tool is first], why


def _titles(tools: Sequence[Recognised]) -> str:
    return " and ".join(tool.mapping.title for tool in tools)


def _require_lines(givers: Mapping[str, object], own: tuple[str, ...], found: Sequence[Recognised]) -> None:
    if {"subscriptions", "invoices"} & {*givers, *own}:
        return
    titles = " and ".join(dict.fromkeys(tool.mapping.title for tool in found))
    raise ContractError(
        "Map the tables of the source.",
        f"recognised: {titles or 'no tool'}; no row of them says what customers pay.",
        "Land the tables of a billing tool beside them, or a table subscriptions or invoices in the contract's shape.",
    )


def _spine(givers: Mapping[str, list[Recognised]]) -> Recognised | None:
    """The billing tool; None where the lines are in the contract's own shape."""
    tools = givers.get("subscriptions") or givers.get("invoices") or []
    return tools[0] if tools else None


def _crm(found: Sequence[Recognised], spine: Recognised | None) -> Recognised | None:
    """The CRM whose accounts the billing tool's are; lines in the contract's own shape have accounts of their own."""
    return next((tool for tool in found if spine and tool.mapping.role == "crm" and tool is not spine), None)


# --- who is who -------------------------------------------------------------------------------------------------------


def account_ids(
    spine: Recognised | None, crm: Recognised | None, found: Sequence[Recognised], own: Sequence[str]
) -> str:
    """The SELECT of ``account_ids``: every id of every tool that belongs to a billed account.

    Without a billing tool (``spine``) the accounts are those of the tables in the contract's ``own`` shape.
    """
    links = [_links(tool) for tool in found]
    if spine is None:
        links.append(OWN_LINKS.format(table=next(name for name in ("accounts", *BILLS) if name in own)))
    names = {"billing": spine.mapping.tool if spine else OWN, "crm": crm.mapping.tool if crm else ""}
    domains = ", ".join(f"'{domain}'" for domain in OF_MANY)
    template = Template((FOLDER / "account_ids.sql").read_text(encoding="utf-8"))
    return template.substitute(links=_in("\nunion all\n".join(links)), of_many=domains, **names).strip()


def _of_ids(spine: Recognised | None, crm: Recognised | None, own: Sequence[str]) -> list[str]:
    """Whose ids the tables in the contract's own shape must have, in words; nothing where they have their own."""
    tables = [name for name in own if TABLES[name].columns[0].name == "account_id" or name in ("users", "tickets")]
    owner = crm or spine
    if owner is None or not tables:
        return []
    return [f"account_id of {', '.join(tables)} must be that of {owner.mapping.title}, as everywhere else."]


def _links(tool: Recognised) -> str:
    name, sql = tool.mapping.tool, _in(of_tool(tool, LINKS))
    return f"select '{name}' as system, id, kind, value\nfrom (\n{sql}\n) as {name}_links"


def with_all_ids(sql: str, found: Sequence[Recognised]) -> str:
    """The SELECT of ``account_ids``, and every id of every tool once more, without an account."""
    links = "\nunion all\n".join(_links(tool) for tool in found)
    everything = f"select distinct system, id, cast(null as text) as account_id from (\n{links}\n) as every_link"  # noqa: S608
    return (
        f"select system, id, account_id from (\n{_in(sql)}\n) as linked\nunion all\n{everything}\nwhere kind = 'self'"  # noqa: S608
    )


# --- tables -----------------------------------------------------------------------------------------------------------


def _accounts(tools: list[Recognised], has_ids: bool) -> str:
    """One row for each account: what the CRM says first, then the others; the oldest day on which it was opened."""
    if not has_ids:
        return _one_of("accounts", tools[0], columns_of(tools[0], "accounts"), has_ids=False)
    order = sorted(tools, key=_crm_first)
    names = [tool.mapping.tool for tool in order]
    has = {name: columns_of(tool, "accounts") for name, tool in zip(names, order, strict=True)}
    rows = [_in(of_tool(tool, "accounts")) for tool in order]
    tables = [f"{name}_account as (\n{sql}\n)" for name, sql in zip(names, rows, strict=True)]
    with_parent = [name for name in names if "parent_id" in has[name]][:1]
    columns = [
        f"{value} as {column.name}"
        for column in TABLES["accounts"].columns[1:]
        if (value := _of_account(column.name, [name for name in names if column.name in has[name]]))
    ]
    joins = [
        f"left join {name}_account on ids.system = '{name}' and {name}_account.account_id = ids.id" for name in names
    ]
    joins += [
        f"left join {IDS} as parent on parent.system = '{name}' and parent.id = {name}_account.parent_id"
        for name in with_parent
    ]
    listed = " or ".join(f"{name}_account.account_id is not null" for name in names)
    lines = [
        f"with {NEXT_TABLE.join(tables)}",
        f"select ids.account_id, {SEPARATOR.join(columns)}",
        f"from {IDS} as ids",
        *joins,
        f"where {listed}",
        "group by ids.account_id",
    ]
    return "\n".join(lines)


def _crm_first(tool: Recognised) -> int:
    return ("crm", "billing").index(tool.mapping.role)


def _of_account(column: str, tools: list[str]) -> str:
    """One value for an account from the rows of those tools that have the column; nothing where none has."""
    if column == "parent_id":
        return "max(case when parent.account_id <> ids.account_id then parent.account_id end)" if tools else ""
    least, one = ("least", "min") if column == "created_at" else ("coalesce", "max")
    values = [f"{one}({tool}_account.{column})" for tool in tools]
    return f"{least}({', '.join(values)})" if len(values) > 1 else "".join(values)


def _all_of(name: str, tools: list[Recognised], has_ids: bool) -> str:
    """The rows of every tool that gives a table, with our account ids."""
    has = {column for tool in tools for column in columns_of(tool, name)}
    columns = [column.name for column in TABLES[name].columns if column.name in has]
    return "\nunion all\n".join(_one_of(name, tool, columns, has_ids) for tool in tools)


def _one_of(name: str, tool: Recognised, columns: list[str], has_ids: bool) -> str:
    """The rows of one tool, with the columns of all that give the table."""
    own, sql = columns_of(tool, name), _in(of_tool(tool, name))
    values = [f"made.{c}" if c in own else f"cast(null as {_type(name, c)}) as {c}" for c in columns]
    if not (has_ids and "account_id" in own):
        return f"select {', '.join(values)}\nfrom (\n{sql}\n) as made"
    values[columns.index("account_id")] = "ids.account_id"
    select = f"select {', '.join(values)}\nfrom (\n{sql}\n) as made"
    return f"{select}\njoin {IDS} as ids on ids.system = '{tool.mapping.tool}' and ids.id = made.account_id"


def _type(table: str, column: str) -> str:
    """The type of a column that only another tool gives."""
    staged = TABLES[table].column(column).staged_type
    return {"date": "timestamp", "string": "text"}.get(staged, "double precision")


def _in(sql: str) -> str:
    return indent(sql, "    ")
