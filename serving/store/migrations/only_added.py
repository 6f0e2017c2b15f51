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


ERASING = "headroom_erasing"
"""A row of it opens the tables for a removal. It refers to what never is, so that no transaction can leave it there."""
UNLESS_ERASING = """
create trigger {table}_no_delete before delete on {table}
when not exists (select 1 from headroom_erasing)
begin select raise(abort, '{refusal}'); end
"""
OR_ERASES = """
create or replace function {table}_refuse() returns trigger language plpgsql set search_path from current as
$$ begin
    if tg_op = 'DELETE' and exists (select 1 from headroom_erasing) then return null; end if;
    raise exception '{refusal}';
end $$
"""


def let_erase_from(table: str, refusal: str) -> None:
    """Let rows of a table to which they are only added be taken away while ``ERASING`` holds a row."""
    given = {"table": table, "refusal": refusal}
    if op.get_bind().dialect.name == "sqlite":
        op.execute(f"drop trigger {table}_no_delete")
        op.execute(UNLESS_ERASING.format(**given))
    else:
        op.execute(OR_ERASES.format(**given))
