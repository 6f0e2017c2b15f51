"""The views that see the whole base of a snapshot: who is like whom, who is of one group, and what they own."""

from functools import cached_property

import ibis
import ibis.expr.types as ir

from data.contract.likeness import FEWEST_PEERS, LIKENESS, Alike
from data.contract.vocabulary import KEY
from data.groups import groups
from features.views.account import Views

NOT_KNOWN = "-"


def _compared(part: Alike, value: ir.Value) -> ir.Value:
    """A text as it is, a number as its band, from 0; what nobody knows is alike."""
    if not part.bands:
        return value.fill_null(NOT_KNOWN)
    return ibis.cases(
        (value.isnull(), ibis.literal(-1, "int64")),
        *((value <= most, ibis.literal(band, "int64")) for band, most in enumerate(part.bands)),
        else_=ibis.literal(len(part.bands), "int64"),
    )


class WholeBaseViews(Views):
    """The views over all customers of a snapshot; never made over a shard."""

    @cached_property
    def profiles(self) -> ir.Table:
        """One row per customer: one column for each part of ``LIKENESS``; what nobody knows is alike."""
        accounts = self.tables["accounts"]
        columns = {part.column: accounts[part.column].max() for part in LIKENESS}
        one_each = accounts.group_by("account_id").aggregate(**columns)
        known = self.cohort.select(*KEY).left_join(one_each, "account_id")
        return known.select(*KEY, **{part.name: _compared(part, known[part.column]) for part in LIKENESS})

    @cached_property
    def look_alikes(self) -> ir.Table:
        """One row per product that look-alikes own and the account does not: ``owners`` of ``look_alikes``.

        Accounts with fewer than ten look-alikes are left out.
        """
        group = ["snapshot_date", *(part.name for part in LIKENESS)]
        profiles = self.profiles
        sizes = profiles.group_by(group).aggregate(look_alikes=profiles.count() - 1)
        sizes = sizes.filter(sizes.look_alikes >= FEWEST_PEERS)
        owned = self._named_products
        products = owned.inner_join(profiles, KEY)
        owners = products.group_by(*group, "product").aggregate(owners=products.count()).inner_join(sizes, group)
        offered = profiles.view().inner_join(owners, group)
        offered = offered.select(*KEY, "product", "owners", "look_alikes")
        return offered.anti_join(owned, [*KEY, "product"])

    @cached_property
    def group_members(self) -> ir.Table:
        """One row per customer in a group of companies: ``group_id``, the account at its top."""
        return self.cohort.select(*KEY).inner_join(groups(self.tables["accounts"]), "account_id")

    @cached_property
    def group_products(self) -> ir.Table:
        """One row per product that others of its group own and the account does not: so many ``owners``."""
        group, members = ["snapshot_date", "group_id"], self.group_members
        theirs = self._named_products.inner_join(members, KEY)
        owners = theirs.group_by(*group, "product").aggregate(owners=theirs.count())
        offered = members.view().inner_join(owners, group).select(*KEY, "product", "owners")
        return offered.anti_join(self._named_products, [*KEY, "product"])

    @cached_property
    def _named_products(self) -> ir.Table:
        """One row per owned product that has a name."""
        owned = self.owned_products.select(*KEY, "product").distinct()
        return owned.filter(owned["product"].notnull())
