"""The one lawful exception to tables that are only added to: what is to be forgotten is taken away."""

import sqlalchemy as sa
from alembic import op

from serving.store.migrations.only_added import ERASING, let_erase_from

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Make the table that opens the others: a row refers to an outcome, is asked for it at the commit, and has none."""
    number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.create_table(
        ERASING,
        sa.Column(
            "never",
            number,
            sa.ForeignKey("headroom_outcomes.id", deferrable=True, initially="DEFERRED"),
            sa.CheckConstraint("never < 0"),
            nullable=False,
        ),
    )
    let_erase_from("headroom_outcomes", "outcomes are only added to: correct a row by a new one")
    let_erase_from("headroom_messages", "messages are only added to: what was sent was sent")
