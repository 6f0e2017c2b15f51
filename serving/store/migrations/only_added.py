"""A table to which rows are only added: the database itself refuses to change a row, or to take one away.

Migrations call it, so it changes as little as they do.
"""

from alembic import op

ON_SQLITE = """
create trigger {table}_no_{what} before {what} on {table}
begin select raise(abort, '{refusal}'); end
"""
REPLACES = """
create trigger {table}_no_replace before insert on {table}
when exists (select 1 from {table} as there where {is_there})
begin select raise(abort, '{refusal}'); end
"""
"""What SQLite calls `insert or replace` takes a row away and asks no other trigger."""
ON_POSTGRES = """
create function {table}_refuse() returns trigger language plpgsql as
$$ begin raise exception '{refusal}'; end $$
"""
TRIGGER = """
create trigger {table}_only_added before update or delete or truncate on {table}
for each statement execute function {table}_refuse()
"""


def only_add_to(table: str, refusal: str, *unique: str) -> None:
    """Make the triggers of a table whose columns ``unique`` tell that a row is there already."""
    given = {"table": table, "refusal": refusal}
    if op.get_bind().dialect.name == "sqlite":
        for what in ("update", "delete"):
            op.execute(ON_SQLITE.format(what=what, **given))
        is_there = " or ".join(f"there.{name} = new.{name}" for name in unique)
        op.execute(REPLACES.format(is_there=is_there, **given))
    else:
        op.execute(ON_POSTGRES.format(**given))
        op.execute(TRIGGER.format(**given))
