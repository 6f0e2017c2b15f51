"""What could be sold across to accounts: from features, which read it, up to the model that chooses a product."""

from dataclasses import dataclass

import pandas as pd


@dataclass(frozen=True)
class CrossSellOptions:
    """What could be sold to some accounts.

    ``had``: account_id, snapshot_date, product: one row per product that the account has or ever had. ``on_offer``:
    snapshot_date, product. ``used``: account_id, snapshot_date, feature: what it used in the last quarter.
    """

    had: pd.DataFrame
    on_offer: pd.DataFrame
    used: pd.DataFrame
