"""How an expected amount is said to people, wherever it stands."""

import pandas as pd

from serving.reasons.formats import money


def say_money(value: float, currency: str) -> str:
    """An expected amount: it is an estimate, so thousands from 10,000 on."""
    if pd.isna(value):
        return "not known"
    if abs(value) >= 999_500:
        return f"{currency}{value / 1e6:,.1f}M"
    return f"{currency}{value / 1e3:,.0f}k" if abs(value) >= 10_000 else money(round(value), currency)
