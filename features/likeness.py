"""The views that see the whole base of a snapshot: who is like whom, and what they own."""

from functools import cached_property

import ibis
import ibis.expr.types as ir

from features.cohort import KEY
from features.peers import FEWEST_PEERS, PROFILE
from features.views import Views

SIZE_BANDS = (10, 50, 200, 1000, 5000)
"""Employees at the upper end of each size: the bands that company registers and professional networks use."""

LIKENESS = (*PROFILE, "industry")
NOT_KNOWN = "-"


class WholeBaseViews(Views):
    """The views over all customers of a snapshot; never made over a shard."""

    @cached_property
    def profiles(self) -> ir.Table:
        """One row per customer: ``segment``, ``size_band`` and ``industry``; what nobody knows is alike."""
        accounts = self.tables["accounts"]
        one_each = accounts.group_by("account_id").aggregate(
            segment=accounts.segment.max(), industry=accounts.industry.max(), employees=accounts.employees.max()
        )
        known = self.cohort.select(*KEY).left_join(one_each, "account_id")
        size_band = ibis.cases(
            (known.employees.isnull(), ibis.literal(-1, "int64")),
            *((known.employees <= most, ibis.literal(band, "int64")) for band, most in enumerate(SIZE_BANDS)),
            else_=ibis.literal(len(SIZE_BANDS), "int64"),
        )
        return known.select(
            *KEY,
            segment=known.segment.fill_null(NOT_KNOWN),
            size_band=size_band,
            industry=known.industry.fill_null(NOT_KNOWN),
        )

    @cached_property
    def look_alikes(self) -> ir.Table:
        """One row per product that look-alikes own and the account does not: ``owners`` of ``look_alikes``.

        Accounts with fewer than ten look-alikes are left out.
        """
        group = ["snapshot_date", *LIKENESS]
        profiles = self.profiles
        sizes = profiles.group_by(group).aggregate(look_alikes=profiles.count() - 1)
        sizes = sizes.filter(sizes.look_alikes >= FEWEST_PEERS)
        owned = self.owned_products.select(*KEY, "product").distinct()
        owned = owned.filter(owned["product"].notnull())
        products = owned.inner_join(profiles, KEY)
        owners = products.group_by(*group, "product").aggregate(owners=products.count()).inner_join(sizes, group)
        offered = profiles.view().inner_join(owners, group)
        offered = offered.select(*KEY, "product", "owners", "look_alikes")
        return offered.anti_join(owned, [*KEY, "product"])
