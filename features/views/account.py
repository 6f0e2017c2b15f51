"""The views: what was known about each account before each snapshot.

Every view has the key ``account_id, snapshot_date`` and holds only what had happened **and** was known before the
snapshot. An end (of a line, a ticket, a user) on or after the snapshot is not known yet and is null. A feature reads a
view and never a table, and a view reads the tables through ``data.time_cut``.
"""

from features.views.plan import PlanViews


class Views(PlanViews):
    """All views of an account: its contracts, its use, its people and dated facts, and what its plans include."""
