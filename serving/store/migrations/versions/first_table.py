"""The table of outcomes."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make the table: a row for each outcome, one for each request, and at most one that corrects a row."""
    number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.create_table(
        "headroom_outcomes",
        sa.Column("id", number, sa.Identity(), primary_key=True, autoincrement=True),
        sa.Column("account_id", sa.Text, nullable=False),
        sa.Column("snapshot_date", sa.Date),
        sa.Column("play", sa.Text),
        sa.Column("motion", sa.Text),
        sa.Column("action", sa.Text, nullable=False),
        sa.Column("until", sa.Date),
        sa.Column("reason", sa.Text),
        sa.Column("text", sa.Text),
        sa.Column("arr", sa.Float(53)),
        sa.Column("product", sa.Text),
        sa.Column("corrects", number, sa.ForeignKey("headroom_outcomes.id"), unique=True),
        sa.Column("who", sa.Text, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("came_from", sa.Text, nullable=False),
        sa.Column("request_key", sa.Text, unique=True),
        sqlite_autoincrement=True,  # a number is never given twice
    )
    op.create_index("headroom_outcomes_account", "headroom_outcomes", ["account_id", "id"])
