"""The database itself refuses to change a row, or to take one away."""

from alembic import op

revision = "0002"
down_revision = "0001"

REFUSAL = "outcomes are only added to: correct a row by a new one"
ON_SQLITE = """
create trigger headroom_outcomes_no_{what} before {what} on headroom_outcomes
begin select raise(abort, '{refusal}'); end
"""
REPLACES = """
create trigger headroom_outcomes_no_replace before insert on headroom_outcomes
when exists (
    select 1 from headroom_outcomes as there
    where there.id = new.id or there.request_key = new.request_key or there.corrects = new.corrects
)
begin select raise(abort, '{refusal}'); end
"""
"""What SQLite calls `insert or replace` takes a row away and asks no other trigger."""
ON_POSTGRES = f"""
create function headroom_outcomes_refuse() returns trigger language plpgsql as
$$ begin raise exception '{REFUSAL}'; end $$
"""
TRIGGER = """
create trigger headroom_outcomes_only_added before update or delete or truncate on headroom_outcomes
for each statement execute function headroom_outcomes_refuse()
"""


def upgrade() -> None:
    """Make the triggers."""
    if op.get_bind().dialect.name == "sqlite":
        for what in ("update", "delete"):
            op.execute(ON_SQLITE.format(what=what, refusal=REFUSAL))
        op.execute(REPLACES.format(refusal=REFUSAL))
    else:
        op.execute(ON_POSTGRES)
        op.execute(TRIGGER)
