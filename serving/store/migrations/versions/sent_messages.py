"""The table of what was sent to whom, to which rows are only added."""

import sqlalchemy as sa
from alembic import op

from serving.store.migrations.only_added import only_add_to

revision = "0004"
down_revision = "0003"


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
    only_add_to("headroom_messages", "messages are only added to: what was sent was sent", "id")
