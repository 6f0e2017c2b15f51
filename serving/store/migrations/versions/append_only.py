"""The database itself refuses to change a row, or to take one away."""

from serving.store.migrations.only_added import only_add_to

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Make the triggers."""
    refusal = "outcomes are only added to: correct a row by a new one"
    only_add_to("headroom_outcomes", refusal, "id", "request_key", "corrects")
