"""The table of what was sent to whom, to which rows are only added."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

REFUSAL = "messages are only added to: what was sent was sent"
ON_SQLITE = """
create trigger headroom_messages_no_{what} before {what} on headroom_messages
begin select raise(abort, '{refusal}'); end
"""
REPLACES = """
create trigger headroom_messages_no_replace before insert on headroom_messages
when exists (select 1 from headroom_messages as there where there.id = new.id)
begin select raise(abort, '{refusal}'); end
"""
"""What SQLite calls `insert or replace` takes a row away and asks no other trigger."""
ON_POSTGRES = f"""
create function headroom_messages_refuse() returns trigger language plpgsql as
$$ begin raise exception '{REFUSAL}'; end $$
"""
TRIGGER = """
create trigger headroom_messages_only_added before update or delete or truncate on headroom_messages
for each statement execute function headroom_messages_refuse()
"""


def upgrade() -> None:
    """Make the table, a row for each step of each thing that is told, and its triggers."""
    number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.create_table(
        "headroom_messages",
        sa.Column("id", number, sa.Identity(), primary_key=True, autoincrement=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("step", sa.Text, nullable=False),
        sa.Column("snapshot_date", sa.Date, nullable=False),
        sa.Column("channel", sa.Text, nullable=False),
        sa.Column("owner", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("part", sa.Integer),
        sa.Column("parts", sa.Integer),
        sa.Column("account_id", sa.Text),
        sa.Column("trigger_code", sa.Text),
        sqlite_autoincrement=True,  # a number is never given twice
    )
    op.create_index("headroom_messages_list", "headroom_messages", ["snapshot_date", "id"])
    op.create_index("headroom_messages_at", "headroom_messages", ["at"])
    if op.get_bind().dialect.name == "sqlite":
        for what in ("update", "delete"):
            op.execute(ON_SQLITE.format(what=what, refusal=REFUSAL))
        op.execute(REPLACES.format(refusal=REFUSAL))
    else:
        op.execute(ON_POSTGRES)
        op.execute(TRIGGER)
